// Arithmetic of display frames. Times are milliseconds on the clock of
// requestAnimationFrame; nothing here touches the page.

const LONG_GAP_FRAMES = 1.5;
const SAME_CLUSTER = 0.3;
const SINGLE_SHARE = 0.25;
const PAINT_DIFFERS_FRAMES = 0.75;

export function median(values) {
  if (values.length === 0) {
    throw new RangeError("median of no values");
  }
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function quantile(values, share) {
  if (values.length === 0) {
    throw new RangeError("quantile of no values");
  }
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

export function gapsBetween(stamps) {
  return stamps.slice(1).map((stamp, index) => stamp - stamps[index]);
}

// A busy page misses frames, so that most gaps may be long; a quarter of single
// ones is enough to find the display's own. The mean of their neighbours then
// undoes the rounding of a coarse clock (16, 17, 17 -> 16.67).
export function estimateRefresh(gaps) {
  const positive = gaps.filter((gap) => gap > 0);
  const centre = quantile(positive, SINGLE_SHARE);
  const near = positive.filter((gap) => Math.abs(gap - centre) <= SAME_CLUSTER * centre);
  const frameMs = near.reduce((sum, gap) => sum + gap, 0) / near.length;
  return {
    frameMs,
    refreshHz: 1000 / frameMs,
    p95Ms: quantile(positive, 0.95),
    jitterMs: quantile(near.map((gap) => Math.abs(gap - frameMs)), 0.95),
    nLongGaps: positive.filter((gap) => gap > LONG_GAP_FRAMES * frameMs).length,
    nGaps: positive.length,
  };
}

export function targetFrames(plannedMs, frameMs) {
  return Math.max(1, Math.round(plannedMs / frameMs));
}

export function framesShown(shownMs, frameMs) {
  return Math.round(shownMs / frameMs);
}

// Whether the compositor's own stamps tell of another number of frames. They waver
// within a frame, so that less than three quarters of one says nothing.
export function paintDiffers(shownMs, paintedMs, frameMs) {
  return paintedMs !== null && Math.abs(paintedMs - shownMs) > PAINT_DIFFERS_FRAMES * frameMs;
}

// True when waiting for one more frame would end further from the target than
// ending now. It asks the clock: a missed callback must not lengthen anything.
export function isNearestFrame(elapsedMs, targetMs, frameMs) {
  return elapsedMs > 0 && Math.abs(elapsedMs - targetMs) < Math.abs(elapsedMs + frameMs - targetMs);
}

export function countLongGaps(stamps, frameMs) {
  return gapsBetween(stamps).filter((gap) => gap > LONG_GAP_FRAMES * frameMs).length;
}

// How many frames after the one meant something appeared.
export function framesLate(lagMs, frameMs) {
  return Math.max(0, Math.round(lagMs / frameMs));
}

// Steps shown one after another, each for the number of frames nearest to its
// duration. at(stamp) says which step the frame at that stamp has to show:
// an index, or durationsMs.length once everything is over.
export function createTimeline(durationsMs, frameMs) {
  const onsets = [];
  let step = -1;
  return {
    onsets,
    at(stamp) {
      const isOver = step === durationsMs.length;
      const isDue =
        step === -1 || (!isOver && isNearestFrame(stamp - onsets[step], durationsMs[step], frameMs));
      if (isDue) {
        step += 1;
        onsets.push(stamp);
      }
      return step;
    },
    // The present step turned out to have appeared later than its stamp.
    delayOnset(delayMs) {
      onsets[step] += delayMs;
    },
  };
}
