// Runs before the pages under test. Says in the browser's trace when a stimulus was
// asked for, answers for the evaluator, and makes the load.
(() => {
  const ON = "witness-on";
  const OFF = "witness-off";
  const { burstMs } = window.witnessOptions;

  const PEER = "jspsych-image-keyboard-response-stimulus";
  const shows = ({ target, addedNodes }) =>
    (target.getAttribute("elementtiming") === "stimulus" && target.style.opacity === "1") ||
    [...addedNodes].some((node) => node.id === PEER);
  const hides = ({ target }) => target.id === PEER && target.style.visibility === "hidden";

  const evaluate = (root) => {
    const goOn = root.querySelector("[data-panel]:not([hidden]) [data-go-on]");
    if (goOn) {
      setTimeout(() => goOn.click(), 2500);
    } else if (root.dataset.answerable === "true") {
      setTimeout(() => root.querySelector('[data-answer="real"]').click(), 30);
    }
  };

  // Work of burstMs, then a pause of 8 to 28 ms; the same pauses in every run.
  const load = () => {
    let state = 1;
    const burst = () => {
      const end = performance.now() + burstMs;
      while (performance.now() < end);
      state = (state * 48271) % 2147483647;
      setTimeout(burst, 8 + (state % 21));
    };
    burst();
  };

  addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("trial");
    const stage = document.querySelector("[data-stage], #target");
    if (stage) {
      const mark = (records) => {
        if (records.some(shows)) {
          performance.mark(ON);
        }
        if (records.some(hides)) {
          performance.mark(OFF);
        }
      };
      new MutationObserver(mark).observe(stage, {
        attributes: true,
        attributeFilter: ["style"],
        childList: true,
        subtree: true,
      });
      if (burstMs > 0) {
        load();
      }
    }
    if (root) {
      new MutationObserver(() => evaluate(root)).observe(root, {
        attributes: true,
        attributeFilter: ["data-answerable", "data-panel-open"],
      });
    }
  });
})();
