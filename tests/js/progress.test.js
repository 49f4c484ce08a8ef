import assert from "node:assert/strict";
import { test } from "node:test";

import { announcedSeconds, minutesLeft, secondsLeft, stageSize } from "../../hypeweb/static/hypeweb/js/progress.js";

const fit = (changes) =>
  stageSize({
    naturalWidth: 32,
    naturalHeight: 32,
    stagePx: 256,
    availableWidth: 1200,
    availableHeight: 700,
    ...changes,
  });

test("the time left follows the median pace", () => {
  assert.equal(minutesLeft([2000, 2000, 2000, 2000, 60000], 90), 3);
});

test("the time left is unknown at first, at least a minute later, and none at the end", () => {
  assert.equal(minutesLeft([2000, 2000], 90), null);
  assert.equal(minutesLeft([2000, 2000, 2000, 2000, 2000], 1), 1);
  assert.equal(minutesLeft([2000, 2000, 2000, 2000, 2000], 0), null);
});

test("the seconds left end with the time itself", () => {
  assert.deepEqual([5000, 4999, 1001, 1000, 1, 0, -20].map(secondsLeft), [5, 5, 2, 1, 1, 0, 0]);
});

test("few of the seconds are announced, and never the first", () => {
  assert.deepEqual(announcedSeconds(5), []);
  assert.deepEqual(announcedSeconds(10), [5]);
  assert.deepEqual(announcedSeconds(90), [60, 30, 10, 5]);
});

test("images are enlarged in whole steps", () => {
  assert.deepEqual(fit({}), { width: 256, height: 256 });
  assert.deepEqual(fit({ stagePx: 250 }), { width: 224, height: 224 });
  assert.deepEqual(fit({ availableWidth: 100 }), { width: 96, height: 96 });
});

test("a window smaller than the image shrinks it", () => {
  assert.deepEqual(fit({ naturalWidth: 512, naturalHeight: 512, stagePx: 512, availableWidth: 340 }), {
    width: 340,
    height: 340,
  });
});

test("images that are not square keep their shape", () => {
  assert.deepEqual(fit({ naturalWidth: 64, naturalHeight: 32 }), { width: 256, height: 128 });
});
