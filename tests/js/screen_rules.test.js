import assert from "node:assert/strict";
import { test } from "node:test";

import {
  isSteady,
  judgeScreen,
  mayStart,
  meetsRefresh,
  zoomOf,
} from "../../hypeweb/static/hypeweb/js/screen_rules.js";

const REQUIRED = { minWidth: 1024, minHeight: 640, minRefreshHz: 60, needsKeyboard: true };
const GOOD = {
  width: 1280,
  height: 720,
  zoom: 1,
  hasFullscreen: true,
  refresh: { refreshHz: 59.94, nLongGaps: 1, nGaps: 120 },
  keysSeen: { fake: true, real: true },
};

test("a good screen may start", () => {
  const verdicts = judgeScreen(GOOD, REQUIRED);
  assert.deepEqual(verdicts, {
    size: true,
    zoom: true,
    fullscreen: true,
    refresh: true,
    steady: true,
    keyboard: true,
  });
  assert.equal(mayStart(verdicts), true);
});

test("nothing starts before the refresh rate is known and both keys were pressed", () => {
  const early = { ...GOOD, refresh: null };
  assert.equal(judgeScreen(early, REQUIRED).refresh, null);
  assert.equal(mayStart(judgeScreen(early, REQUIRED)), false);
  const oneKey = { ...GOOD, keysSeen: { fake: true, real: false } };
  assert.equal(judgeScreen(oneKey, REQUIRED).keyboard, null);
  assert.equal(mayStart(judgeScreen(oneKey, REQUIRED)), false);
});

test("a study without a keyboard asks for no keys", () => {
  const touch = { ...GOOD, keysSeen: { fake: false, real: false } };
  assert.equal(judgeScreen(touch, { ...REQUIRED, needsKeyboard: false }).keyboard, true);
});

test("each shortcoming is named", () => {
  const small = judgeScreen({ ...GOOD, height: 600 }, REQUIRED);
  assert.equal(small.size, false);
  assert.equal(mayStart(small), false);
  const slow = judgeScreen(
    { ...GOOD, refresh: { refreshHz: 30, nLongGaps: 0, nGaps: 120 } },
    REQUIRED,
  );
  assert.equal(slow.refresh, false);
  const busy = judgeScreen(
    { ...GOOD, refresh: { refreshHz: 60, nLongGaps: 12, nGaps: 120 } },
    REQUIRED,
  );
  assert.equal(busy.steady, false);
});

test("zoom advises and does not refuse", () => {
  const zoomed = judgeScreen({ ...GOOD, zoom: 1.25 }, REQUIRED);
  assert.equal(zoomed.zoom, false);
  assert.equal(mayStart(zoomed), true);
});

test("a browser without full screen is told and may start", () => {
  const verdicts = judgeScreen({ ...GOOD, hasFullscreen: false }, REQUIRED);
  assert.equal(verdicts.fullscreen, false);
  assert.equal(mayStart(verdicts), true);
});

test("zoom is the page's pixel in pixels of the desktop, times the pinch", () => {
  assert.equal(zoomOf({ outerWidth: 1600, innerWidth: 1280, pinchScale: 1 }), 1.25);
  assert.equal(zoomOf({ outerWidth: 390, innerWidth: 390, pinchScale: 2 }), 2);
  assert.equal(zoomOf({ outerWidth: 0, innerWidth: 1280, pinchScale: 1 }), 1);
});

test("nominal rates are met within two percent", () => {
  assert.equal(meetsRefresh(59.94, 60), true);
  assert.equal(meetsRefresh(58, 60), false);
});

test("up to one long gap in twenty is steady; no measurement is not", () => {
  assert.equal(isSteady({ nLongGaps: 6, nGaps: 120 }), true);
  assert.equal(isSteady({ nLongGaps: 7, nGaps: 120 }), false);
  assert.equal(isSteady({ nLongGaps: 0, nGaps: 0 }), false);
});
