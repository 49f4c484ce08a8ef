// Shows what the study in the form will take, while its fields change.

import { planQuery } from "./plan_query.js";

const SETTLED_MS = 400;

function followForm(form, panel) {
  let timer = 0;
  let last = null;
  let running = null;

  const refresh = async () => {
    const query = planQuery(new FormData(form));
    if (query === last) {
      return;
    }
    last = query;
    running?.abort();
    running = new AbortController();
    try {
      const response = await fetch(`${panel.dataset.planUrl}?${query}`, {
        credentials: "same-origin",
        signal: running.signal,
      });
      if (response.ok && !response.redirected) {
        panel.innerHTML = await response.text();
        panel.hidden = false;
      }
    } catch {
      // The form works without a plan; the next change asks again.
    }
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, SETTLED_MS);
  });
  refresh();
}

const panel = document.querySelector("[data-plan-url]");
if (panel) {
  followForm(panel.closest("form"), panel);
}
