// JSON over the site's own addresses. Rejects with Refused when the server said
// no, with any other error when it could not be reached or is in trouble.

import { Refused } from "./queue.js";

const TIMEOUT_MS = 15000;
const TOO_MANY = 429;

async function reply(response, unexpected) {
  if (response.ok) {
    return response.json();
  }
  if (response.status >= 500 || response.status === TOO_MANY) {
    throw new Error(`status ${response.status}`);
  }
  const body = await response.json().catch(() => ({}));
  throw new Refused(response.status, body.error ?? unexpected);
}

export function createApi({ trialUrl, answerUrl, csrfToken, unexpected }) {
  const send = async (url, options) => {
    const response = await fetch(url, {
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...options,
      headers: { Accept: "application/json", ...options.headers },
    });
    return reply(response, unexpected);
  };
  return {
    getTrial: () => send(trialUrl, {}),
    postAnswer: (answer) =>
      send(answerUrl, {
        method: "POST",
        keepalive: true,
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken },
        body: JSON.stringify(answer),
      }),
  };
}
