// The screen check before a timed session: measures, says what to change, and
// sends what it measured along with the start.

import { measureGaps } from "./exposure.js";
import { estimateRefresh } from "./frames.js";
import { answerOfKey } from "./keys.js";
import { judgeScreen, mayStart, zoomOf } from "./screen_rules.js";

const rounded = (value) => Math.round(value * 100) / 100;

function readRequired({ dataset }) {
  return {
    minWidth: Number(dataset.minWidth),
    minHeight: Number(dataset.minHeight),
    minRefreshHz: Number(dataset.minRefreshHz),
    needsKeyboard: dataset.needsKeyboard === "true",
  };
}

function watch(form) {
  const required = readRequired(form);
  const keysSeen = { fake: false, real: false };
  const startButton = form.querySelector("[data-start]");
  const field = form.querySelector("[data-measured]");
  const enlargeButton = form.querySelector("[data-enlarge]");
  const status = form.querySelector("[data-check-status]");
  let refresh = null;

  const measure = () => ({
    width: window.innerWidth,
    height: window.innerHeight,
    zoom: zoomOf({
      outerWidth: window.outerWidth,
      innerWidth: window.innerWidth,
      pinchScale: window.visualViewport?.scale ?? 1,
    }),
    hasFullscreen: document.fullscreenEnabled,
    refresh,
    keysSeen,
  });

  const show = () => {
    const measured = measure();
    const verdicts = judgeScreen(measured, required);
    const values = {
      size: `${measured.width} × ${measured.height}`,
      zoom: `${Math.round(100 * measured.zoom)} %`,
      refresh: refresh ? `${Math.round(refresh.refreshHz)} Hz` : "",
      steady: refresh ? `${refresh.nGaps - refresh.nLongGaps} / ${refresh.nGaps}` : "",
      fullscreen: "",
      keyboard: [keysSeen.fake && "F", keysSeen.real && "J"].filter(Boolean).join(" "),
    };
    for (const item of form.querySelectorAll("[data-check]")) {
      const { check } = item.dataset;
      const isMet = verdicts[check];
      item.dataset.verdict = isMet === null ? "open" : isMet ? "met" : "failed";
      item.querySelector("[data-value]").textContent = values[check];
      for (const text of item.querySelectorAll("[data-when]")) {
        text.hidden = text.dataset.when !== item.dataset.verdict;
      }
    }
    const isReady = mayStart(verdicts);
    startButton.disabled = !isReady;
    enlargeButton.hidden =
      verdicts.size || !measured.hasFullscreen || document.fullscreenElement !== null;
    status.hidden = !isReady;
    field.value = JSON.stringify({
      width: measured.width,
      height: measured.height,
      zoom: rounded(measured.zoom),
      device_pixel_ratio: rounded(window.devicePixelRatio),
      refresh_hz: refresh && rounded(refresh.refreshHz),
      jitter_ms: refresh && rounded(refresh.jitterMs),
      n_long_gaps: refresh && refresh.nLongGaps,
      fullscreen: document.fullscreenEnabled,
      touch: window.matchMedia("(any-pointer: coarse)").matches,
      element_timing: PerformanceObserver.supportedEntryTypes.includes("element"),
      isolated: window.crossOriginIsolated,
    });
  };

  const measureRefresh = async () => {
    refresh = null;
    show();
    refresh = estimateRefresh(await measureGaps());
    show();
  };

  document.addEventListener("keydown", (event) => {
    const answer = answerOfKey(event);
    if (answer) {
      keysSeen[answer] = true;
      show();
    }
  });
  window.addEventListener("resize", show);
  enlargeButton.addEventListener("click", () => {
    document.documentElement.requestFullscreen({ navigationUI: "hide" }).catch(() => {});
  });
  form.querySelector("[data-again]").addEventListener("click", measureRefresh);
  measureRefresh();
}

const form = document.querySelector("[data-screen-check]");
if (form) {
  watch(form);
}
