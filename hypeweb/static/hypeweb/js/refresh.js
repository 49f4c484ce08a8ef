// Keeps one part of the page current while the server works on it. The answer
// may be the part alone or a whole page: the element with the same id counts.

const EVERY_MS = 2000;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function summaryOf(part) {
  return [...part.querySelectorAll("[data-summary]")]
    .map((element) => element.textContent.replace(/\s+/g, " ").trim())
    .join(". ");
}

async function fetchPart({ id, dataset }) {
  const response = await fetch(dataset.refreshUrl, { credentials: "same-origin" });
  if (!response.ok) {
    return null;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return page.getElementById(id);
}

async function keepCurrent(first) {
  const status = document.querySelector("[data-refresh-status]");
  let part = first;
  while (part.dataset.active === "true") {
    await wait(Number(part.dataset.refreshMs) || EVERY_MS);
    const next = document.hidden ? null : await fetchPart(part).catch(() => null);
    if (next === null || next.innerHTML === part.innerHTML) {
      continue;
    }
    if (status && summaryOf(next) !== summaryOf(part)) {
      status.textContent = summaryOf(next);
    }
    const focused = part.contains(document.activeElement)
      ? document.activeElement.getAttribute("aria-label")
      : null;
    part.replaceWith(next);
    if (focused) {
      next.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    }
    part = next;
  }
}

for (const part of document.querySelectorAll("[data-refresh-url]")) {
  keepCurrent(part);
}
