// Sends chosen or dropped files in parts before the form goes, and goes on after a
// cut or a reload. Without this the form sends the files itself.

import { Refused } from "./queue.js";
import { bundles, fingerprint, nextPart, percent, tarPieces, waitMs } from "./upload_plan.js";

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const LOG_IN = "Log in again in another tab, then press the button once more.";

async function reply(response) {
  if (response.redirected) {
    throw new Refused(401, LOG_IN);
  }
  if (response.ok) {
    return response.json();
  }
  if (response.status >= 500) {
    throw new Error(`status ${response.status}`);
  }
  const body = await response.json().catch(() => ({}));
  throw new Refused(response.status, body.error ?? LOG_IN);
}

function createClient(url, csrfToken) {
  const send = (address, options) =>
    fetch(address, {
      credentials: "same-origin",
      ...options,
      headers: { Accept: "application/json", "X-CSRFToken": csrfToken, ...options.headers },
    }).then(reply);
  return {
    begin: (announced) =>
      send(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(announced),
      }),
    state: (token) => send(`${url}${token}/`, {}),
    put: (token, offset, data) =>
      send(`${url}${token}/?offset=${offset}`, {
        method: "PUT",
        headers: { "Content-Type": "application/octet-stream" },
        body: data,
      }),
  };
}

const CONFLICT = 409;
const GONE = 410;

// A file that was changed or taken away is no cut connection: trying again is in vain.
async function read(blob) {
  try {
    return await blob.arrayBuffer();
  } catch {
    throw new Refused(GONE, "A file can no longer be read; choose it again.");
  }
}

async function sendBlob(client, announced, blob, tell) {
  let state = null;
  let nFailures = 0;
  while (state === null || state.received < state.size) {
    try {
      if (state === null) {
        state = await client.begin(announced);
      } else if (nFailures > 0) {
        state = await client.state(state.token);
      }
      tell.progress(state.received);
      if (state.received < state.size) {
        const { start, end } = nextPart(state);
        state = await client.put(state.token, start, await read(blob.slice(start, end)));
      }
      nFailures = 0;
    } catch (error) {
      const isFinal = error instanceof Refused && (error.status !== CONFLICT || state === null);
      if (isFinal) {
        throw error;
      }
      nFailures += 1;
      tell.cut(waitMs(nFailures));
      await wait(waitMs(nFailures));
    }
  }
  return state.token;
}

async function sendAll(client, files, panel) {
  const all = bundles(files).map((bundle) => ({
    ...bundle,
    blob: bundle.isTar ? new Blob(tarPieces(bundle.files)) : bundle.files[0],
  }));
  const size = all.reduce((sum, bundle) => sum + bundle.blob.size, 0);
  const tokens = [];
  let before = 0;
  for (const { name, files: parts, blob } of all) {
    const start = before;
    const announced = { name, size_bytes: blob.size, fingerprint: fingerprint(parts) };
    const token = await sendBlob(client, announced, blob, {
      progress: (received) => panel.show(percent(start + received, size)),
      cut: (ms) => panel.say(`The connection was cut. Going on in ${Math.round(ms / 1000)} s.`),
    });
    tokens.push(token);
    before += blob.size;
  }
  return tokens;
}

function createPanel(element) {
  const bar = element.querySelector("progress");
  const status = element.querySelector("[data-upload-status]");
  return {
    say: (text) => {
      status.textContent = text;
    },
    show: (value) => {
      element.hidden = false;
      bar.value = value;
      status.textContent = `${value} % uploaded`;
    },
  };
}

function acceptDrops(zone, input) {
  const mark = (isOver) => zone.classList.toggle("is-over", isOver);
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  zone.addEventListener("dragleave", () => mark(false));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

function followForm(zone) {
  const form = zone.closest("form");
  const input = zone.querySelector("input[type=file]");
  const panel = createPanel(zone.querySelector("[data-upload-panel]"));
  const client = createClient(zone.dataset.upload, form.elements.csrfmiddlewaretoken.value);
  const button = form.querySelector("[type=submit]");
  acceptDrops(zone, input);
  form.addEventListener("submit", async (event) => {
    if (input.files.length === 0) {
      return;
    }
    event.preventDefault();
    button.disabled = true;
    panel.show(0);
    try {
      form.elements.uploads.value = (await sendAll(client, [...input.files], panel)).join(" ");
      input.value = "";
      form.submit();
    } catch (error) {
      panel.say(error instanceof Refused ? error.message : "This did not work; choose the files again.");
      button.disabled = false;
    }
  });
}

const zone = document.querySelector("[data-upload]");
if (zone) {
  followForm(zone);
}
