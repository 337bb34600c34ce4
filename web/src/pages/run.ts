// Shows how far a run or a piece of maintenance is, and the page anew when it has ended. Without this the
// page renews itself.

interface Step {
  name: string;
  done: number;
  total: number;
}
interface Run {
  state: string;
  progress: Step[];
}

const PAUSE = 1000; // milliseconds

function show(list: Element, step: Step, words: Record<string, string>): void {
  let row = [...list.children].find((one) => one.getAttribute("data-name") === step.name);
  if (!row) {
    row = document.createElement("li");
    row.setAttribute("data-name", step.name);
    const name = document.createElement("span");
    name.textContent = words[step.name] ?? step.name;
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", name.textContent);
    const number = document.createElement("span");
    number.className = "number";
    row.append(name, " ", bar, " ", number);
    list.append(row);
  }
  const bar = row.querySelector("progress")!;
  if (step.total) {
    bar.max = step.total;
    bar.value = step.done;
  }
  row.querySelector(".number")!.textContent = step.total ? `${step.done} / ${step.total}` : `${step.done}`;
}

async function follow(place: HTMLElement): Promise<void> {
  const list = place.querySelector<HTMLElement>(".progress")!;
  const words: Record<string, string> = JSON.parse(list.dataset.words ?? "{}");
  for (;;) {
    await new Promise((go) => setTimeout(go, PAUSE));
    const answer = await fetch(place.dataset.run!, { headers: { Accept: "application/json" } });
    if (!answer.ok) return; // the link to refresh is there
    const run: Run = await answer.json();
    run.progress.forEach((step) => show(list, step, words));
    if (run.state !== "running") {
      location.replace(location.href);
      return;
    }
  }
}

const place = document.querySelector<HTMLElement>("[data-run]");
if (place) {
  place.querySelector<HTMLElement>(".by-hand")!.hidden = true;
  follow(place).catch(() => {
    place.querySelector<HTMLElement>(".by-hand")!.hidden = false;
  });
}
