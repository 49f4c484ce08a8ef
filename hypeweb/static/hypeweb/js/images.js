// Images as fetched bytes: they are in memory and decoded before they are shown,
// and their address is asked until they have arrived, and no more.

import { createKeeper } from "./keeper.js";
import { Refused } from "./queue.js";

// A request that a sleeping computer cut off may never end by itself.
const TIMEOUT_MS = 60_000;

async function fetchBlob(url, { refusal, headers = {} }) {
  const response = await fetch(url, {
    credentials: "same-origin",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers,
  });
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    throw new Refused(response.status, refusal);
  }
  const blob = await response.blob();
  // Some networks answer with a page of their own.
  if (!response.ok || !blob.type.startsWith("image/")) {
    throw new Error(`image: status ${response.status}, type ${blob.type}`);
  }
  return blob;
}

// Masks come from the study's small pool and return in many trials.
const keepMask = createKeeper();

// A decoded, not yet visible <img>; call release() once it has left the page.
async function prepare(blob, { alt, timing }) {
  const objectUrl = URL.createObjectURL(blob);
  const element = new Image();
  element.alt = alt;
  element.decoding = "sync";
  element.draggable = false;
  element.className = "stage-layer";
  if (timing) {
    element.setAttribute("elementtiming", timing);
  }
  element.src = objectUrl;
  try {
    await element.decode();
  } catch (error) {
    URL.revokeObjectURL(objectUrl);
    throw error;
  }
  const release = () => {
    element.remove();
    URL.revokeObjectURL(objectUrl);
  };
  return { element, release };
}

function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Returns what resolves with a trial's images, and may be tried again: what has arrived
// stays. The server counts the showings that it sends an image for. Their name tells
// it a request that is repeated, because the reply was lost, from another showing; it
// lives here alone, so a reload has another.
export function trialLoader(trial, { alt, refusal }) {
  const keep = createKeeper();
  const headers = { "X-Showing": randomName() };
  const stimulus = async () =>
    prepare(await fetchBlob(trial.image, { refusal, headers }), { alt, timing: "stimulus" });
  const mask = (url, timing) => async () =>
    prepare(await keepMask(url, () => fetchBlob(url, { refusal })), { alt: "", timing });

  return async () => {
    const [first] = trial.masks;
    const [picture, cover, ...masks] = await Promise.all([
      keep("stimulus", stimulus),
      first === undefined ? null : keep("cover", mask(first, null)),
      ...trial.masks.map((url, index) => keep(index, mask(url, index === 0 ? "mask" : null))),
    ]);
    return {
      stimulus: picture.element,
      cover: cover?.element ?? null,
      masks: masks.map((image) => image.element),
      release: () => [picture, cover, ...masks].forEach((image) => image?.release()),
    };
  };
}
