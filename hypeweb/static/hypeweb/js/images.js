// Images as fetched bytes: they are in memory and decoded before they are shown,
// and their address is used exactly once.

import { Refused } from "./queue.js";

// A request that a sleeping computer cut off may never end by itself.
const TIMEOUT_MS = 60_000;

async function fetchBlob(url, refusal) {
  const response = await fetch(url, {
    credentials: "same-origin",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    throw new Refused(response.status, refusal);
  }
  if (!response.ok) {
    throw new Error(`image: status ${response.status}`);
  }
  return response.blob();
}

// Masks come from the study's small pool and return in many trials.
const maskBlobs = new Map();

async function fetchMask(url, refusal) {
  if (!maskBlobs.has(url)) {
    maskBlobs.set(url, await fetchBlob(url, refusal));
  }
  return maskBlobs.get(url);
}

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

export async function prepareTrial(trial, { alt, refusal }) {
  const [picture, ...patterns] = await Promise.all([
    fetchBlob(trial.image, refusal),
    ...trial.masks.map((url) => fetchMask(url, refusal)),
  ]);
  const [stimulus, cover, ...masks] = await Promise.all([
    prepare(picture, { alt, timing: "stimulus" }),
    patterns.length > 0 ? prepare(patterns[0], { alt: "", timing: null }) : null,
    ...patterns.map((blob, index) => prepare(blob, { alt: "", timing: index === 0 ? "mask" : null })),
  ]);
  return {
    stimulus: stimulus.element,
    cover: cover?.element ?? null,
    masks: masks.map((mask) => mask.element),
    release: () => [stimulus, cover, ...masks].forEach((image) => image?.release()),
  };
}
