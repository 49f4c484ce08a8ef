// What a study asks of a screen, and whether one meets it. No page, no clock.

const SAME_ZOOM = 0.04;
const STEADY_SHARE = 0.05;

// The browser's zoom: how many pixels of the desktop one pixel of the page covers.
export function zoomOf({ outerWidth, innerWidth, pinchScale }) {
  return (outerWidth > 0 ? outerWidth / innerWidth : 1) * pinchScale;
}

// Displays differ a little from their nominal rate: 59.94 Hz meets 60.
export function meetsRefresh(refreshHz, minRefreshHz) {
  return refreshHz >= minRefreshHz * 0.98;
}

export function isSteady({ nLongGaps, nGaps }) {
  return nGaps > 0 && nLongGaps <= STEADY_SHARE * nGaps;
}

// Each rule as met (true), not met (false), or not known yet (null).
export function judgeScreen(measured, required) {
  const { width, height, refresh, zoom, keysSeen, hasFullscreen } = measured;
  return {
    size: width >= required.minWidth && height >= required.minHeight,
    zoom: Math.abs(zoom - 1) <= SAME_ZOOM,
    fullscreen: hasFullscreen,
    refresh: refresh && meetsRefresh(refresh.refreshHz, required.minRefreshHz),
    steady: refresh && isSteady(refresh),
    keyboard: required.needsKeyboard ? (keysSeen.fake && keysSeen.real) || null : true,
  };
}

// Zoom only advises: its measure is a guess on some systems. So does full screen,
// which some browsers lack: the task watches the window all the same.
const ADVICE = new Set(["zoom", "fullscreen"]);

export function mayStart(verdicts) {
  return Object.entries(verdicts).every(([name, isMet]) => isMet === true || ADVICE.has(name));
}
