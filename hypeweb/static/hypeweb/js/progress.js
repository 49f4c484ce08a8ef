// How far along the evaluator is, and how long the rest may take.

import { median } from "./frames.js";

const ENOUGH_TRIALS = 5;

// Whole minutes for the trials left, from the pace so far; null while unknown.
export function minutesLeft(trialMs, nLeft) {
  if (trialMs.length < ENOUGH_TRIALS || nLeft === 0) {
    return null;
  }
  return Math.max(1, Math.round((median(trialMs) * nLeft) / 60000));
}

// The size of the stage. Enlarged images keep whole steps, so that each of their
// pixels covers the same area; only a small window breaks the step.
export function stageSize({ naturalWidth, naturalHeight, stagePx, availableWidth, availableHeight }) {
  const fits = Math.min(
    stagePx / Math.max(naturalWidth, naturalHeight),
    availableWidth / naturalWidth,
    availableHeight / naturalHeight,
  );
  const scale = fits >= 1 ? Math.floor(fits) : fits;
  return {
    width: Math.floor(naturalWidth * scale),
    height: Math.floor(naturalHeight * scale),
  };
}
