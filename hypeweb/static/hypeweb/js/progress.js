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

// Whole seconds, so that the last one is counted as one to its end.
export function secondsLeft(leftMs) {
  return Math.max(0, Math.ceil(leftMs / 1000));
}

// Which of the seconds left a screen reader is told: few, and not the first.
export function announcedSeconds(total) {
  return [60, 30, 10, 5].filter((seconds) => seconds < total);
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
