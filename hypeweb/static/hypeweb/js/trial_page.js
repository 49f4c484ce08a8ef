// What the task page shows around the stimulus. All words come from the
// template; this module fills in numbers and decides what is visible.

import { COVERED } from "./exposure.js";
import { answerOfKey } from "./keys.js";
import { announcedSeconds, minutesLeft, secondsLeft, stageSize } from "./progress.js";

export function createPage(root) {
  const find = (selector) => root.querySelector(selector);
  const findAll = (selector) => [...root.querySelectorAll(selector)];
  const stage = find("[data-stage]");
  const area = find("[data-stage-area]");
  const status = find("[data-status]");
  const clock = find("[data-clock]");
  const clockSaid = find("[data-clock-said]");
  const timeLeft = find('[data-words="time-left"]');
  const progress = find("progress");
  const timesLeft = findAll("[data-time-left], [data-break-left]");
  const buttons = findAll("button[data-answer]");
  const panels = findAll("[data-panel]");
  const leaveDialog = find("dialog");
  let fitted = null;

  const fill = (element, values) => {
    for (const [name, value] of Object.entries(values)) {
      for (const slot of element.querySelectorAll(`[data-slot="${name}"]`)) {
        slot.textContent = value;
      }
    }
  };

  const words = (name) => find(`[data-words="${name}"]`).textContent.trim();

  const fit = () => {
    const { width, height } = stageSize({
      ...fitted,
      availableWidth: area.clientWidth,
      availableHeight: area.clientHeight,
    });
    stage.style.width = `${width}px`;
    stage.style.height = `${height}px`;
  };

  const setAnswerable = (isAnswerable) => {
    root.dataset.answerable = String(isAnswerable);
    for (const button of buttons) {
      button.setAttribute("aria-disabled", String(!isAnswerable));
    }
  };

  const showPanel = (name, values = {}) => {
    for (const panel of panels) {
      panel.hidden = panel.dataset.panel !== name;
      if (!panel.hidden) {
        fill(panel, values);
      }
    }
    root.dataset.panelOpen = String(name !== null);
  };

  window.addEventListener("resize", () => fitted && fit());
  find("[data-leave]").addEventListener("click", () => {
    fill(leaveDialog, { answered: progress.value });
    leaveDialog.showModal();
    document.dispatchEvent(new Event(COVERED));
  });
  find("[data-stay]").addEventListener("click", () => leaveDialog.close());
  // Escape closes it too.
  leaveDialog.addEventListener("close", () => {
    find("[data-panel]:not([hidden]) [data-go-on]")?.focus();
  });

  return {
    stage,
    digits: findAll("[data-digit]"),
    words,
    setAnswerable,

    say(sentence) {
      status.textContent = sentence;
    },

    // Whether the image gets its whole size; a cramped window would shrink it.
    hasRoom({ minWidth, minHeight }) {
      return window.innerWidth >= minWidth && window.innerHeight >= minHeight;
    },

    fitStage({ naturalWidth, naturalHeight }, stagePx) {
      fitted = { naturalWidth, naturalHeight, stagePx };
      fit();
    },

    showProgress(trial, trialMs) {
      fill(root, {
        number: trial.number_in_block,
        size: trial.block_size,
        block: trial.block,
        blocks: trial.n_blocks,
      });
      progress.max = trial.n_trials;
      progress.value = trial.number - 1;
      const minutes = minutesLeft(trialMs, trial.n_trials - trial.number + 1);
      for (const element of timesLeft) {
        element.hidden = minutes === null;
        fill(element, { minutes: minutes ?? "" });
      }
    },

    // Resolves when the panel's button is pressed.
    async ask(name, values) {
      showPanel(name, values);
      const button = find(`[data-panel="${name}"] [data-go-on]`);
      button.focus();
      await new Promise((resolve) => {
        button.addEventListener("click", resolve, { once: true });
      });
      showPanel(null);
    },

    // Counts the seconds left, for eyes in numbers and for screen readers now and
    // then; nothing moves. The clock goes on while the page is out of sight.
    startClock({ endsAt, onEnd }) {
      const total = secondsLeft(endsAt - performance.now());
      let timer = null;
      const stop = () => {
        clearTimeout(timer);
        clock.hidden = true;
        clockSaid.textContent = "";
      };
      const tick = () => {
        const leftMs = endsAt - performance.now();
        const seconds = secondsLeft(leftMs);
        if (seconds === 0) {
          stop();
          onEnd();
          return;
        }
        fill(clock, { seconds });
        if (announcedSeconds(total).includes(seconds)) {
          fill(timeLeft, { seconds });
          clockSaid.textContent = timeLeft.textContent.trim();
        }
        timer = setTimeout(tick, leftMs - 1000 * (seconds - 1));
      };
      clock.hidden = false;
      tick();
      return { stop };
    },

    // Resolves with the answer and the moment it was given.
    async answer() {
      setAnswerable(true);
      const listeners = new AbortController();
      const options = { signal: listeners.signal };
      const given = await new Promise((resolve) => {
        document.addEventListener(
          "keydown",
          (event) => {
            const answer = answerOfKey(event);
            if (answer && !leaveDialog.open) {
              event.preventDefault();
              resolve({ answer, stamp: event.timeStamp });
            }
          },
          options,
        );
        for (const button of buttons) {
          button.addEventListener(
            "click",
            (event) => resolve({ answer: button.dataset.answer, stamp: event.timeStamp }),
            options,
          );
        }
      });
      listeners.abort();
      setAnswerable(false);
      for (const button of buttons) {
        button.dataset.chosen = String(button.dataset.answer === given.answer);
      }
      return given;
    },

    clearVerdict() {
      for (const button of buttons) {
        delete button.dataset.chosen;
      }
      root.dataset.verdict = "";
      status.textContent = "";
    },

    showVerdict(isCorrect) {
      const verdict = isCorrect ? "correct" : "wrong";
      root.dataset.verdict = verdict;
      status.textContent = words(verdict);
    },

    setOffline(isOffline) {
      root.dataset.offline = String(isOffline);
      if (isOffline) {
        status.textContent = words("offline");
      }
    },
  };
}
