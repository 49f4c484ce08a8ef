import assert from "node:assert/strict";
import { test } from "node:test";

import {
  countLongGaps,
  createTimeline,
  estimateRefresh,
  framesLate,
  framesShown,
  gapsBetween,
  isNearestFrame,
  median,
  paintDiffers,
  quantile,
  targetFrames,
} from "../../hypeweb/static/hypeweb/js/frames.js";

const at60Hz = 1000 / 60;

function stampsOf(nFrames, frameMs, start = 1000) {
  return Array.from({ length: nFrames }, (_, index) => start + index * frameMs);
}

// The frames for which a timeline of one step shows it.
function nFramesShown(durationMs, frameMs, stamps) {
  const timeline = createTimeline([durationMs], frameMs);
  return stamps.filter((stamp) => timeline.at(stamp) === 0).length;
}

test("median takes the middle, or the mean of the two middle values", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), RangeError);
});

test("quantile interpolates between neighbours", () => {
  assert.equal(quantile([0, 10], 0.95), 9.5);
  assert.equal(quantile([5], 0.5), 5);
  assert.throws(() => quantile([], 0.5), RangeError);
});

test("estimateRefresh finds the display's rate among missed frames", () => {
  const gaps = [...Array(100).fill(at60Hz), ...Array(20).fill(2 * at60Hz)];
  const estimate = estimateRefresh(gaps);
  assert.ok(Math.abs(estimate.frameMs - at60Hz) < 1e-9);
  assert.ok(Math.abs(estimate.refreshHz - 60) < 1e-6);
  assert.equal(estimate.nLongGaps, 20);
  assert.equal(estimate.nGaps, 120);
  assert.ok(estimate.jitterMs < 1e-9);
});

test("estimateRefresh finds it on a busy page, where most gaps are long", () => {
  const gaps = [...Array(40).fill(at60Hz), ...Array(80).fill(2 * at60Hz)];
  assert.ok(Math.abs(estimateRefresh(gaps).frameMs - at60Hz) < 1e-9);
});

test("estimateRefresh undoes the rounding of a clock of whole milliseconds", () => {
  const stamps = stampsOf(121, at60Hz).map(Math.round);
  const estimate = estimateRefresh(gapsBetween(stamps));
  assert.ok(Math.abs(estimate.frameMs - at60Hz) < 0.02);
});

test("estimateRefresh ignores a callback that came twice in one frame", () => {
  assert.equal(estimateRefresh([10, 0, 10, 10]).frameMs, 10);
});

test("targetFrames is the nearest whole number of frames, at least one", () => {
  assert.equal(targetFrames(500, at60Hz), 30);
  assert.equal(targetFrames(30, at60Hz), 2);
  assert.equal(targetFrames(510, at60Hz), 31);
  assert.equal(targetFrames(1, at60Hz), 1);
  assert.equal(targetFrames(500, 1000 / 144), 72);
});

test("framesShown counts whole frames in a measured duration", () => {
  assert.equal(framesShown(499.9, at60Hz), 30);
  assert.equal(framesShown(33.4, at60Hz), 2);
});

test("paintDiffers from three quarters of a frame on, and never without stamps", () => {
  const shownMs = 30 * at60Hz;
  for (const paintedMs of [null, shownMs - 0.7 * at60Hz, shownMs + 0.7 * at60Hz]) {
    assert.equal(paintDiffers(shownMs, paintedMs, at60Hz), false);
  }
  assert.equal(paintDiffers(shownMs, shownMs + 0.8 * at60Hz, at60Hz), true);
  assert.equal(paintDiffers(shownMs, shownMs - at60Hz, at60Hz), true);
});

test("isNearestFrame waits while one more frame comes nearer", () => {
  assert.equal(isNearestFrame(483.3, 500, at60Hz), false);
  assert.equal(isNearestFrame(500, 500, at60Hz), true);
  assert.equal(isNearestFrame(483.3, 490, at60Hz), true);
  assert.equal(isNearestFrame(0, 1, at60Hz), false);
  assert.equal(isNearestFrame(900, 500, at60Hz), true);
});

test("countLongGaps counts gaps of more than one and a half frames", () => {
  const stamps = [0, 16.7, 33.3, 66.7, 83.3, 183.3];
  assert.equal(countLongGaps(stamps, at60Hz), 2);
  assert.equal(countLongGaps([5], at60Hz), 0);
});

test("every exposure in steps of 10 ms lasts its nearest number of frames", () => {
  for (const refreshHz of [50, 59.94, 60, 75, 90, 120, 144, 165, 240]) {
    const frameMs = 1000 / refreshHz;
    const stamps = stampsOf(300, frameMs);
    for (let plannedMs = 100; plannedMs <= 1000; plannedMs += 10) {
      const isTie = Math.abs(((plannedMs / frameMs) % 1) - 0.5) < 1e-6;
      if (!isTie) {
        assert.equal(
          nFramesShown(plannedMs, frameMs, stamps),
          targetFrames(plannedMs, frameMs),
          `${plannedMs} ms at ${refreshHz} Hz`,
        );
      }
    }
  }
});

test("a clock of whole milliseconds does not change the number of frames", () => {
  const stamps = stampsOf(70, at60Hz).map(Math.round);
  for (let plannedMs = 100; plannedMs <= 1000; plannedMs += 10) {
    assert.equal(nFramesShown(plannedMs, at60Hz, stamps), targetFrames(plannedMs, at60Hz));
  }
});

test("missed callbacks never lengthen an exposure by more than the gap itself", () => {
  const stamps = stampsOf(70, at60Hz).filter((_, index) => index % 3 !== 1);
  const timeline = createTimeline([200], at60Hz);
  for (const stamp of stamps) {
    timeline.at(stamp);
  }
  const [onset, offset] = timeline.onsets;
  assert.ok(Math.abs(offset - onset - 200) <= 2 * at60Hz);
});

test("a timeline walks countdown, stimulus and masks, then stays over", () => {
  const timeline = createTimeline([500, 500, 500, 200, 30, 30, 30, 30], at60Hz);
  const steps = stampsOf(200, at60Hz).map((stamp) => timeline.at(stamp));
  const nShown = (step) => steps.filter((value) => value === step).length;
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map(nShown), [30, 30, 30, 12, 2, 2, 2, 2]);
  assert.equal(steps.at(-1), 8);
  assert.equal(timeline.onsets.length, 9);
});

test("after a pause of the display a timeline shows the next step, not a later one", () => {
  const timeline = createTimeline([100, 100], at60Hz);
  assert.equal(timeline.at(0), 0);
  assert.equal(timeline.at(5000), 1);
  assert.deepEqual(timeline.onsets, [0, 5000]);
});

test("framesLate counts whole frames, and never less than none", () => {
  assert.deepEqual([-9, 0, 8, 9, 16.7, 33.4].map((ms) => framesLate(ms, at60Hz)), [0, 0, 0, 1, 1, 2]);
});

test("a step that appeared a frame late stays a frame longer", () => {
  const timeline = createTimeline([100, 100], at60Hz);
  const steps = stampsOf(14, at60Hz).map((stamp, index) => {
    if (index === 3) {
      timeline.delayOnset(at60Hz);
    }
    return timeline.at(stamp);
  });
  assert.equal(steps.filter((step) => step === 0).length, 7);
});
