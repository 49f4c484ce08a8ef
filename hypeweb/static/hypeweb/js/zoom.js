// Opens an image of the grid over its page. Without this the same link opens the
// image's own page, of which the dialog shows the part called "sample".

async function fetchSample(url) {
  const response = await fetch(url, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const part = page.getElementById("sample");
  if (!response.ok || part === null) {
    throw new Error(`status ${response.status}`);
  }
  return part;
}

function followLinks(dialog, content) {
  const show = async (url) => {
    try {
      const part = await fetchSample(url);
      part.removeAttribute("id");
      content.replaceChildren(part);
      if (!dialog.open) {
        dialog.showModal();
      }
    } catch {
      location.assign(url);
    }
  };
  const step = (rel) => content.querySelector(`a[rel="${rel}"]`);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-zoom] a, [data-zoom-content] a[rel]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      show(link.href);
    }
  });
  dialog.addEventListener("keydown", (event) => {
    const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    const link = rel && step(rel);
    if (link) {
      event.preventDefault();
      show(link.href);
    }
  });
}

const dialog = document.querySelector("[data-zoom-dialog]");
if (dialog) {
  followLinks(dialog, dialog.querySelector("[data-zoom-content]"));
}
