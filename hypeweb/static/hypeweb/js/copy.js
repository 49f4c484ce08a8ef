// Copies an address or a secret, where the browser lets a page do that.

const button = document.querySelector("[data-copy]");
if (button && navigator.clipboard) {
  const source = document.querySelector("[data-copy-source]");
  const status = document.querySelector("[data-copy-status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.href ?? source.textContent);
      status.textContent = "Copied";
    } catch {
      status.textContent = "Select it and copy it by hand";
    }
  });
}
