// Keys of the page of a link: each leads to what has it as data-key. They can be switched off.

const KEPT = "kgservice-link-keys";
const hint = document.querySelector<HTMLElement>(".keys");
const wanted = document.querySelector<HTMLInputElement>("#keys");

if (hint && wanted) {
  hint.hidden = false;
  wanted.checked = localStorage.getItem(KEPT) !== "off";
  wanted.addEventListener("change", () => localStorage.setItem(KEPT, wanted.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
    const typing = (event.target as Element).closest("input:not([type=checkbox]), select, textarea");
    if (!wanted.checked || !plain || typing) return;
    const place = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(event.key)}"]`);
    if (!place) return;
    event.preventDefault();
    if (place instanceof HTMLAnchorElement) place.click();
    else place.focus();
  });
}
