// Images as fetched bytes: they are in memory and decoded before they are shown,
// and their address is used exactly once.

import { Refused } from "./queue.js";

async function fetchBlob(url, refusal) {
  const response = await fetch(url, { credentials: "same-origin" });
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    throw new Refused(response.status, refusal);
  }
  if (!response.ok) {
    throw new Error(`image: status ${response.status}`);
  }
  return response.blob();
}

// A decoded, not yet visible <img>; call release() once it has left the page.
async function prepare(url, { alt, timing, refusal }) {
  const objectUrl = URL.createObjectURL(await fetchBlob(url, refusal));
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
  const [stimulus, ...masks] = await Promise.all([
    prepare(trial.image, { alt, timing: "stimulus", refusal }),
    ...trial.masks.map((url, index) =>
      prepare(url, { alt: "", timing: index === 0 ? "mask" : null, refusal }),
    ),
  ]);
  return {
    stimulus: stimulus.element,
    masks: masks.map((mask) => mask.element),
    release: () => [stimulus, ...masks].forEach((image) => image.release()),
  };
}
