// The task: fetch a trial, show it, take the answer, send it, and again until
// the server says that the session is finished.

import { createApi } from "./api.js";
import { measureGaps, nextFrame, runExposure } from "./exposure.js";
import { estimateRefresh } from "./frames.js";
import { trialLoader } from "./images.js";
import { createQueue, persist, Refused } from "./queue.js";
import { createPage } from "./trial_page.js";

const FEEDBACK_MS = 700;
// Long enough to read a sentence.
const LATE_MS = 3000;
const SETTLED_MS = 400;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A failed connection is tried again after a while, or once the network is back.
const waitForNetwork = (ms) =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done);
  });

// Kept beyond the tab, so that an answer outlives a crash of the browser; where
// the browser forbids that, it lives as long as the page.
function openStorage() {
  try {
    return window.localStorage;
  } catch {
    const items = new Map();
    return {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => items.set(key, value),
      removeItem: (key) => items.delete(key),
    };
  }
}

function readSettings(root) {
  const { dataset } = root;
  return {
    part: dataset.part,
    trialUrl: dataset.trialUrl,
    answerUrl: dataset.answerUrl,
    sessionUrl: dataset.sessionUrl,
    isTimed: dataset.protocol === "hype_time",
    countdownMs: Number(dataset.countdownMs),
    maskMs: Number(dataset.maskMs),
    stagePx: Number(dataset.stagePx),
    minWidth: Number(dataset.minWidth),
    minHeight: Number(dataset.minHeight),
    hasFeedback: dataset.feedback === "true",
    lookLimitMs: dataset.lookLimitS === "" ? null : 1000 * Number(dataset.lookLimitS),
  };
}

// Resolves once the window has kept its size for a while: systems animate the
// way into full screen, each at its own speed.
function windowSettles() {
  return new Promise((resolve) => {
    const listeners = new AbortController();
    const done = () => {
      listeners.abort();
      resolve();
    };
    let timer = setTimeout(done, SETTLED_MS);
    const restart = () => {
      clearTimeout(timer);
      timer = setTimeout(done, SETTLED_MS);
    };
    window.addEventListener("resize", restart, { signal: listeners.signal });
  });
}

async function enterFullscreen() {
  if (!document.fullscreenEnabled || document.fullscreenElement) {
    return;
  }
  try {
    await document.documentElement.requestFullscreen({ navigationUI: "hide" });
    await windowSettles();
  } catch {
    // Refused by the browser or the person: the task goes on in the window.
  }
}

function createTask({ root, settings, page, api, queue }) {
  const trialMs = [];
  let frameMs = null;
  let visible = null;

  const online = (attempt) =>
    persist(attempt, { wait: waitForNetwork, onFailure: () => page.setOffline(true) }).finally(
      () => page.setOffline(false),
    );

  const clearStage = () => {
    visible?.release();
    visible = null;
  };

  const putOnStage = (images) => {
    const { stimulus, masks, cover } = images;
    page.stage.append(...[stimulus, ...masks, cover].filter((element) => element !== null));
    page.fitStage(images.stimulus, settings.stagePx);
  };

  // The image stays until answered; the one before leaves in the same frame.
  const showUntimed = async (images) => {
    putOnStage(images);
    await nextFrame();
    const onset = await nextFrame();
    images.stimulus.style.opacity = "1";
    clearStage();
    visible = images;
    return { onset, exposure: null };
  };

  const showTimed = async (images, trial) => {
    clearStage();
    putOnStage(images);
    visible = images;
    for (;;) {
      await nextFrame();
      const played = await runExposure({
        digits: page.digits,
        stimulus: images.stimulus,
        cover: images.cover,
        masks: images.masks,
        plannedMs: trial.planned_ms,
        maskMs: settings.maskMs,
        countdownMs: settings.countdownMs,
        frameMs,
      });
      if (played !== null) {
        return played;
      }
      await page.ask("paused");
      await enterFullscreen();
    }
  };

  // Time to look, not to answer: the image disappears and the question stays.
  const startLook = ({ stimulus }, onset) =>
    page.startClock({
      endsAt: onset + settings.lookLimitMs,
      onEnd: () => {
        stimulus.style.opacity = "0";
        page.say(page.words("time-up"));
      },
    });

  const beginBlock = async (trial, isFirst) => {
    page.showProgress(trial, trialMs);
    if (!settings.isTimed && isFirst) {
      return;
    }
    const measured = settings.isTimed ? measureGaps().then(estimateRefresh) : null;
    const panel = trial.number_in_block === 1 && trial.block > 1 ? "break" : "start";
    await page.ask(panel, { block: trial.block, blocks: trial.n_blocks, done: trial.block - 1 });
    if (settings.isTimed) {
      frameMs = (await measured).frameMs;
      await enterFullscreen();
      while (!page.hasRoom(settings)) {
        await page.ask("small");
        await enterFullscreen();
      }
    }
  };

  const runTrial = async (trial, loading) => {
    const startedAt = performance.now();
    const images = await loading;
    page.clearVerdict();
    page.showProgress(trial, trialMs);
    const { onset, exposure } = settings.isTimed
      ? await showTimed(images, trial)
      : await showUntimed(images);
    page.say(page.words("question"));
    const clock = settings.lookLimitMs === null ? null : startLook(images, onset);
    const { answer, stamp } = await page.answer();
    clock?.stop();
    const reply = await queue.submit({
      nonce: trial.nonce,
      answer,
      rt_ms: Math.max(0, Math.round((stamp - onset) * 10) / 10),
      exposure,
    });
    page.setOffline(false);
    trialMs.push(performance.now() - startedAt);
    return reply;
  };

  const load = (trial) => {
    const texts = { alt: page.words("stimulus"), refusal: page.words("unexpected") };
    return online(trialLoader(trial, texts));
  };

  const giveFeedback = async (reply) => {
    if (reply.late) {
      page.say(page.words("late"));
      await wait(LATE_MS);
    } else if (settings.hasFeedback && reply.correct !== null) {
      page.showVerdict(reply.correct);
      await wait(FEEDBACK_MS);
    }
  };

  const resume = async () => {
    if (queue.hasPending()) {
      try {
        return (await queue.resend()).next;
      } catch (error) {
        if (!(error instanceof Refused) || error.isForbidden) {
          throw error;
        }
      }
    }
    return online(api.getTrial);
  };

  // Says why the server refused, then shows the trial it holds for current. An answer
  // that it did not look at is kept, and goes first. The session's own page explains
  // everything else.
  const recover = async (error) => {
    page.setOffline(false);
    await page.ask("refused", { sentence: error.message });
    try {
      return await resume();
    } catch (again) {
      return queue.hasPending()
        ? recover(again)
        : { state: "finished", location: settings.sessionUrl };
    }
  };

  // Another tab may have gone on to the next part, which has a page of its own.
  const ofThisPart = (step) =>
    step.state === "trial" && step.trial.part !== settings.part
      ? { state: "finished", location: settings.sessionUrl }
      : step;

  const walk = async (first) => {
    let next = ofThisPart(first);
    let isFirst = true;
    let loading = next.state === "trial" ? load(next.trial) : null;
    while (next.state === "trial") {
      const { trial } = next;
      loading.catch(() => {});
      if (isFirst || trial.number_in_block === 1) {
        await beginBlock(trial, isFirst);
        isFirst = false;
      }
      const reply = await runTrial(trial, loading);
      next = reply.next;
      loading = next.state === "trial" ? load(next.trial) : null;
      loading?.catch(() => {});
      await giveFeedback(reply);
    }
    location.assign(next.location);
  };

  return async () => {
    root.dataset.ready = "true";
    let next = await resume().catch(recover);
    for (;;) {
      try {
        await walk(next);
        return;
      } catch (error) {
        if (!(error instanceof Refused)) {
          throw error;
        }
        clearStage();
        next = await recover(error);
      }
    }
  };
}

const root = document.getElementById("trial");
if (root) {
  const settings = readSettings(root);
  const page = createPage(root);
  const api = createApi({
    trialUrl: settings.trialUrl,
    answerUrl: settings.answerUrl,
    sessionUrl: settings.sessionUrl,
    csrfToken: document.querySelector('meta[name="csrf-token"]').content,
    sentences: { unexpected: page.words("unexpected"), forbidden: page.words("forbidden") },
  });
  const queue = createQueue({
    send: api.postAnswer,
    storage: openStorage(),
    key: `answer:${settings.answerUrl}`,
    wait: waitForNetwork,
    onFailure: () => page.setOffline(true),
  });
  createTask({ root, settings, page, api, queue })();
}
