// A view of answers that are graphs (CONSTRUCT, DESCRIBE): things as boxes, statements between them as arrows.
import Yasgui from "@zazuko/yasgui";
import { type Line, Network, type Shown } from "./network";
import { shortened } from "./vocabulary";

type Yasr = InstanceType<typeof Yasgui.Yasr>;
interface Node { termType: string; value: string }
interface Statement { subject: Node; predicate: Node; object: Node }

export interface Words {
  graph: string; // the name of the view
  help: string; // how it is used
  cut: string; // after a number: statements that are not shown
}

const TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
const MOST = 400; // statements
const MOST_LINES = 6;
const WIDEST = 34; // characters
const SVG = "http://www.w3.org/2000/svg";

/** Offer the view. `open` is given the IRI of what was chosen. */
export function register(words: Words, prefixes: Record<string, string>, open: (iri: string) => void): void {
  class Triples {
    priority = 5;
    label = words.graph;
    hideFromSelection = false;

    constructor(private readonly yasr: Yasr) {}

    canHandleResults(): boolean {
      this.yasr.results?.getAsJson(); // finds out what kind of answer it is
      return (this.yasr.results?.getStatements()?.length ?? 0) > 0;
    }

    draw(): void {
      const all = (this.yasr.results?.getStatements() ?? []) as unknown as Statement[];
      const shown = all.slice(0, MOST);
      const said = document.createElement("p");
      said.className = "hint";
      said.setAttribute("aria-live", "polite");
      said.textContent = words.help + (all.length > MOST ? ` ${all.length - MOST} ${words.cut}` : "");
      const box = document.createElement("div");
      box.className = "network";
      box.tabIndex = 0;
      box.setAttribute("role", "application");
      box.setAttribute("aria-label", words.graph);
      this.yasr.resultsEl.append(box, said);
      new Network(box, said, ...drawn(shown, { ...prefixes, ...this.yasr.getPrefixes() }), open);
    }

    getIcon(): Element {
      const icon = document.createElementNS(SVG, "svg");
      icon.setAttribute("viewBox", "0 0 16 16");
      icon.setAttribute("aria-hidden", "true");
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", "M3 1a2 2 0 1 1-1 3.7v6.6A2 2 0 1 1 3 11.3V9.5l7-2A2 2 0 1 1 11 9.5L3.9 11 3 4.7z");
      icon.append(path);
      return icon;
    }
  }
  Yasgui.Yasr.registerPlugin("graph", Triples as unknown as Parameters<typeof Yasgui.Yasr.registerPlugin>[1]);
}

/** The boxes and arrows: texts and kinds of a thing stand in its box. */
function drawn(statements: Statement[], prefixes: Record<string, string>): [Shown[], Line[]] {
  const lines = new Map<string, string[]>();
  const arrows: Line[] = [];
  const name = (iri: string) => shortened(iri, prefixes).replace(/^<.*[/#]([^/#]+)>$/, "…$1");
  const of = (node: Node): string[] => {
    const found = lines.get(node.value) ?? [cut(node.termType === "BlankNode" ? `_:${node.value}` : name(node.value))];
    lines.set(node.value, found);
    return found;
  };
  for (const { subject, predicate, object } of statements) {
    const own = of(subject);
    if (object.termType === "Literal") own.push(cut(`${name(predicate.value)}: ${object.value}`));
    else if (predicate.value === TYPE) own.splice(1, 0, cut(`a ${name(object.value)}`));
    else {
      of(object);
      arrows.push({ from: subject.value, to: object.value, label: name(predicate.value) });
    }
  }
  const boxes = [...lines].map(([id, all]) => {
    const seen = all.length > MOST_LINES ? [...all.slice(0, MOST_LINES), `+ ${all.length - MOST_LINES}`] : all;
    const width = Math.max(...seen.map((line) => line.length)) * 7.6 + 24;
    return {
      id, kind: "", label: seen.join("\n"), name: seen.join(", "), width: Math.max(width, 80),
      height: seen.length * 17 + 22, link: id,
    };
  });
  return [boxes, arrows];
}

/** A text as wide as fits; of one long word, as a key is, both ends, since many begin alike. */
function cut(text: string): string {
  if (text.length <= WIDEST) return text;
  const end = text.includes(" ") ? 0 : Math.floor(WIDEST / 2);
  return `${text.slice(0, WIDEST - 1 - end)}…${text.slice(text.length - end)}`;
}
