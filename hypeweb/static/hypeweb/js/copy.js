// Copies an address, a text or a secret, where the browser lets a page do that.

for (const button of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  const scope = button.closest("[data-copy-scope]") ?? document;
  const source = scope.querySelector("[data-copy-source]");
  const status = scope.querySelector("[data-copy-status]");
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
