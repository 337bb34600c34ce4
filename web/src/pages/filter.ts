// Shows what a form of a list finds while somebody types. It is found by the server, as for a form that is
// sent, so that a list of which only the first are shown is searched as a whole. Without this there is a button.

const PAUSE = 200; // milliseconds without a key

function address(form: HTMLFormElement): string {
  const given = new URLSearchParams();
  new FormData(form).forEach((value, name) => given.append(name, String(value)));
  return `${form.getAttribute("action")}?${given}`;
}

// What the head of the page keeps of its address, too.
function keep(page: Document): void {
  const other = page.querySelector<HTMLAnchorElement>(".language a");
  if (other) document.querySelector(".language a")?.setAttribute("href", other.getAttribute("href")!);
  const back = page.querySelector<HTMLInputElement>('.purpose [name="to"]');
  if (back) document.querySelector('.purpose [name="to"]')?.setAttribute("value", back.value);
}

async function show(where: string, found: HTMLElement, said: HTMLElement, signal: AbortSignal): Promise<void> {
  const answer = await fetch(where, { headers: { Accept: "text/html" }, signal });
  if (!answer.ok) return; // the button says why
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const anew = page.getElementById("found");
  if (!anew || signal.aborted) return;
  found.replaceChildren(...anew.childNodes);
  said.textContent = found.querySelector("p")?.textContent ?? "";
  keep(page);
  history.replaceState(null, "", where);
}

const form = document.querySelector<HTMLFormElement>("form[data-live]");
const found = document.getElementById("found");
const said = document.getElementById("found-said");
if (form && found && said) {
  let waiting = 0;
  let asked = new AbortController();
  form.addEventListener("input", () => {
    window.clearTimeout(waiting);
    asked.abort();
    const current = (asked = new AbortController());
    waiting = window.setTimeout(() => {
      show(address(form), found, said, current.signal).catch(() => undefined); // the button is there
    }, PAUSE);
  });
}

export {};
