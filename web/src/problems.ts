// What the service says of a query that it refuses: shown in words, and marked in the line it is about.
import Yasgui from "@zazuko/yasgui";

type Editor = InstanceType<typeof Yasgui.Yasqe>;

interface Problem {
  title?: string;
  detail?: string;
  line?: number;
  column?: number;
}

const GUTTER = "gutterErrorBar";
const LINE = "refused-line";
const PLACE = "refused-place";

/** The problem details in the text of an answer; other texts as they are. */
export function problem(text: string): Problem {
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found === "object" && found !== null && "title" in found) return found as Problem;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { detail: text };
}

/** Marks the place in the editor until the text changes. */
export function mark(editor: Editor, { line, column, detail }: Problem, label: string): void {
  unmark(editor);
  if (!line) return;
  const at = Math.min(line, editor.getDoc().lineCount()) - 1;
  const sign = document.createElement("span");
  sign.className = "refused-sign";
  sign.textContent = "!";
  sign.title = `${label} ${line}: ${detail ?? ""}`;
  editor.addLineClass(at, "background", LINE);
  editor.setGutterMarker(at, GUTTER, sign);
  const from = Math.max(0, (column ?? 1) - 1);
  editor.getDoc().markText({ line: at, ch: from }, { line: at, ch: from + 1 }, { className: PLACE });
  editor.scrollIntoView({ line: at, ch: from }, 40);
}

/** No place is marked any more. */
export function unmark(editor: Editor): void {
  for (let at = 0; at < editor.getDoc().lineCount(); at++) editor.removeLineClass(at, "background", LINE);
  for (const one of editor.getDoc().getAllMarks()) {
    if ((one as unknown as { className?: string }).className === PLACE) one.clear();
  }
}

/** The problem as a box of the page. */
export function box(found: Problem, words: { error: string; line: string; column: string }): HTMLElement {
  const shown = document.createElement("div");
  shown.className = "problem";
  shown.setAttribute("role", "alert");
  const said = document.createElement("p");
  const strong = document.createElement("strong");
  strong.textContent = `${words.error}. `;
  const place = found.line ? ` (${words.line} ${found.line}${found.column ? `, ${words.column} ${found.column}` : ""})` : "";
  said.append(strong, `${found.detail ?? found.title ?? ""}${place}`);
  shown.append(said);
  return shown;
}
