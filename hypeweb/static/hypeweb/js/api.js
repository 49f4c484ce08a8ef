// JSON over the site's own addresses. Rejects with Refused when the server said
// no, with any other error when it could not be reached or is in trouble.

import { Refused } from "./queue.js";

const TIMEOUT_MS = 15000;
const TOO_MANY = 429;

const TOKEN = /<meta name="csrf-token" content="([^"]+)">/;

async function reply(response, { unexpected, forbidden }) {
  if (response.ok) {
    return response.json();
  }
  if (response.status >= 500 || response.status === TOO_MANY) {
    throw new Error(`status ${response.status}`);
  }
  const body = await response.json().catch(() => ({}));
  const refused = new Refused(response.status, body.error ?? unexpected);
  throw refused.isForbidden ? new Refused(refused.status, forbidden) : refused;
}

// sentences: what to say of a refusal without a sentence (unexpected), and of one by
// which nothing was looked at (forbidden).
export function createApi({ trialUrl, answerUrl, sessionUrl, csrfToken, sentences }) {
  let token = csrfToken;

  const ask = (url, options) =>
    fetch(url, {
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...options,
    });

  const send = async (url, options) => {
    const headers = { Accept: "application/json", ...options.headers };
    return reply(await ask(url, { ...options, headers }), sentences);
  };

  const post = (answer) =>
    send(answerUrl, {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify(answer),
    });

  // The cookie that the token belongs to may have run out, or changed at a sign-in in
  // another tab. The session's page brings both anew.
  const renewToken = async () => {
    const response = await ask(sessionUrl, {});
    if (response.status >= 500 || response.status === TOO_MANY) {
      throw new Error(`status ${response.status}`);
    }
    token = TOKEN.exec(await response.text())?.[1] ?? token;
  };

  return {
    getTrial: () => send(trialUrl, {}),
    async postAnswer(answer) {
      try {
        return await post(answer);
      } catch (error) {
        if (!error.isForbidden) {
          throw error;
        }
      }
      await renewToken();
      return post(answer);
    },
  };
}
