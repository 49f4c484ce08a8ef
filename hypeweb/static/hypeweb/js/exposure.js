// One timed exposure: countdown, stimulus, masks, nothing. Every element is in
// the page and decoded before it starts; a frame only changes two opacities.

import {
  countLongGaps,
  createTimeline,
  framesLate,
  framesShown,
  paintDiffers,
  targetFrames,
} from "./frames.js";

const REFRESH_GAPS = 120;
const COVER_MS = 1000;

// Sent to the document when something opens over the stage.
export const COVERED = "stage-covered";

export function nextFrame() {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}

export async function measureGaps(nGaps = REFRESH_GAPS) {
  const gaps = [];
  let last = await nextFrame();
  while (gaps.length < nGaps) {
    const stamp = await nextFrame();
    if (document.hidden) {
      gaps.length = 0;
    } else {
      gaps.push(stamp - last);
    }
    last = stamp;
  }
  return gaps;
}

// Collects what takes attention or the picture away while it watches.
export function watchAttention() {
  const flags = new Set();
  const wasFullscreen = document.fullscreenElement !== null;
  const listeners = new AbortController();
  const options = { signal: listeners.signal };
  const flag = (name) => flags.add(name);

  if (document.hidden) {
    flag("hidden");
  }
  document.addEventListener("visibilitychange", () => document.hidden && flag("hidden"), options);
  document.addEventListener(COVERED, () => flag("covered"), options);
  window.addEventListener("blur", () => flag("blurred"), options);
  window.addEventListener("resize", () => flag("resized"), options);
  document.addEventListener(
    "fullscreenchange",
    () => wasFullscreen && document.fullscreenElement === null && flag("left_fullscreen"),
    options,
  );
  return { flags, stop: () => listeners.abort() };
}

// The compositor's own stamps of the elements named by elementtiming, where the
// browser offers them (Chromium); null elsewhere. One element reports once.
export function watchPaint() {
  const stamps = new Map();
  const supported =
    typeof PerformanceObserver === "function" &&
    PerformanceObserver.supportedEntryTypes.includes("element");
  if (!supported) {
    return { paintedAt: () => null, stop: () => {} };
  }
  const keep = (entries) => {
    for (const entry of entries) {
      if (entry.renderTime > 0) {
        stamps.set(entry.identifier, entry.renderTime);
      }
    }
  };
  const observer = new PerformanceObserver((list) => keep(list.getEntries()));
  observer.observe({ type: "element" });
  return {
    paintedAt(identifier) {
      keep(observer.takeRecords());
      return stamps.get(identifier) ?? null;
    },
    stop: () => observer.disconnect(),
  };
}

// Has the compositor lay the cover over the stimulus, nFrames after the frame that
// first shows it, whatever the page's own thread is busy with then. startedAt()
// is that frame's stamp once the compositor has told it, null before.
function coverAfter(cover, nFrames, frameMs) {
  // Half a frame early, so that the frame meant is the first one past the step.
  const stepMs = (nFrames - 0.5) * frameMs;
  const durationMs = 2 * stepMs + COVER_MS;
  const offset = stepMs / durationMs;
  const animation = cover.animate(
    [
      { opacity: 0, offset: 0 },
      { opacity: 0, offset },
      { opacity: 1, offset },
      { opacity: 1, offset: 1 },
    ],
    { duration: durationMs },
  );
  let startedAt = null;
  return {
    startedAt() {
      if (startedAt === null && !animation.pending) {
        startedAt = animation.startTime;
      }
      return startedAt;
    },
    remove: () => animation.cancel(),
  };
}

// Shows each layer in turn and resolves with every frame's stamp, the onset of
// each layer and how late the callbacks of the switching frames ran.
function play({ layers, durationsMs, frameMs, mayGoOn, delayOf, onShown }) {
  const timeline = createTimeline(durationsMs, frameMs);
  const stamps = [];
  const latenessMs = [];
  const switches = [];
  let shown = -1;
  let isDelayKnown = false;

  return new Promise((resolve) => {
    const onFrame = (stamp) => {
      stamps.push(stamp);
      const delayMs = isDelayKnown ? null : delayOf(shown, timeline.onsets.at(-1));
      if (delayMs !== null) {
        isDelayKnown = true;
        timeline.delayOnset(delayMs);
      }
      const step = timeline.at(stamp);
      if (step !== shown) {
        latenessMs.push(performance.now() - stamp);
        switches.push(stamps.length - 1);
        const stops = !mayGoOn(step);
        if (shown >= 0) {
          layers[shown].style.opacity = "0";
        }
        if (stops || step === layers.length) {
          resolve({ stamps, switches, latenessMs, onsets: timeline.onsets, isWhole: !stops });
          return;
        }
        layers[step].style.opacity = "1";
        shown = step;
        onShown(step);
      }
      requestAnimationFrame(onFrame);
    };
    requestAnimationFrame(onFrame);
  });
}

const rounded = (ms) => Math.round(ms * 100) / 100;

// Resolves with the exposure to report and the stimulus's onset, or with null
// when attention was lost before the stimulus appeared: nothing was seen then,
// and the same trial can start again.
//
// cover looks like the first mask and lies above it. The compositor ends the
// exposure with it on the frame meant; the first mask itself follows when the
// page gets to it, at the latest a busy moment later, and tells when it did.
export async function runExposure({
  digits,
  stimulus,
  cover,
  masks,
  plannedMs,
  maskMs,
  countdownMs,
  frameMs,
}) {
  const layers = [...digits, stimulus, ...masks];
  const durationsMs = [
    ...digits.map(() => countdownMs),
    plannedMs,
    ...masks.map(() => maskMs),
  ];
  const first = digits.length;
  const attention = watchAttention();
  const paint = watchPaint();

  const target = targetFrames(plannedMs, frameMs);
  let covering = null;
  const onShown = (step) => {
    if (step === first && cover !== null) {
      covering = coverAfter(cover, target, frameMs);
    } else if (step > first + 1) {
      covering?.remove();
    }
  };
  const delayOf = (step, onset) => {
    const startedAt = step === first ? (covering?.startedAt() ?? null) : null;
    return startedAt === null ? null : framesLate(startedAt - onset, frameMs) * frameMs;
  };
  const played = await play({
    layers,
    durationsMs,
    frameMs,
    delayOf,
    onShown,
    mayGoOn: (step) => step > first || attention.flags.size === 0,
  });
  attention.stop();
  const painted = { stimulus: paint.paintedAt("stimulus"), mask: paint.paintedAt("mask") };
  paint.stop();
  const isCovered = (covering?.startedAt() ?? null) !== null;
  covering?.remove();
  if (!played.isWhole) {
    return null;
  }

  const onset = played.onsets[first];
  const paintedMs =
    painted.stimulus !== null && painted.mask !== null ? painted.mask - painted.stimulus : null;
  // The page may have come late to the end; where there is a cover, it had not.
  const coveredMs = isCovered ? target * frameMs : Infinity;
  const shownMs = Math.min(played.onsets[first + 1] - onset, coveredMs);
  const differs = paintDiffers(shownMs, paintedMs, frameMs);
  const during = played.stamps.slice(played.switches[first], played.switches[first + 1] + 1);
  const nLongGaps = countLongGaps(during, frameMs);
  const shown = framesShown(shownMs, frameMs);
  const flags = [...attention.flags];
  if (nLongGaps > 0 && (paintedMs === null || differs)) {
    flags.push("long_gap");
  }
  if (shown !== target) {
    flags.push("missed_target");
  }
  if (Math.max(played.latenessMs[first], played.latenessMs[first + 1]) > frameMs) {
    flags.push("late_frame");
  }
  if (differs) {
    flags.push("paint_differs");
  }
  return {
    onset,
    exposure: {
      shown_ms: rounded(shownMs),
      target_frames: target,
      shown_frames: shown,
      refresh_hz: rounded(1000 / frameMs),
      n_long_gaps: nLongGaps,
      element_timing_ms: paintedMs === null ? null : rounded(paintedMs),
      stamps: played.onsets.slice(first).map((stamp) => rounded(stamp - onset)),
      flags,
    },
  };
}
