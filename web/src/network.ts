// A picture of nodes and lines that can be moved, enlarged, and walked through with the keyboard.
import cytoscape, { type Core, type ElementDefinition, type NodeSingular, type StylesheetJson } from "cytoscape";
import dagre from "cytoscape-dagre";

cytoscape.use(dagre);

export interface Shown {
  id: string;
  kind: string; // classes, of which the style sheet knows the colours
  label: string; // with line breaks where lines end
  name: string; // what is read out
  width: number;
  height: number;
  link: string;
}

export interface Line {
  from: string;
  to: string;
  label?: string;
}

// Classes of nodes, and what the tokens of their colours are called.
const KINDS = { "pain-point": "pain", solution: "solution", impact: "impact", touchpoint: "place", evidence: "evidence" };
const MARGIN = 24; // pixels around all
const LOWEST = 240; // pixels that a picture is high at least
const LEAST = 0.4; // smaller nobody can read; then it begins with what was asked for
const SHEET = "__________cytoscape_stylesheet";
const STEPS: Record<string, [number, number]> = {
  ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1],
};

/** Draws into an element, and says into another one which node is chosen. */
export class Network {
  private readonly cy: Core;

  constructor(
    private readonly box: HTMLElement,
    private readonly said: HTMLElement,
    nodes: Shown[],
    lines: Line[],
    private readonly open: (link: string) => void,
  ) {
    forestall();
    const elements: ElementDefinition[] = [
      ...nodes.map((node) => ({ data: { ...node }, classes: node.kind })),
      ...lines.map((line, at) => ({
        data: { id: `line-${at}`, source: line.from, target: line.to, label: line.label ?? "" },
      })),
    ];
    this.cy = cytoscape({
      container: box,
      elements,
      style: style(),
      layout: { name: "preset" },
      minZoom: 0.1,
      maxZoom: 3,
      autoungrabify: true,
      boxSelectionEnabled: false,
      userZoomingEnabled: false, // the wheel scrolls the page; with Ctrl it enlarges, see below
    });
    this.arrange();
    this.cy.on("tap", "node", (event) => this.go(event.target as NodeSingular));
    this.cy.on("mouseover", "node", (event) => {
      box.classList.toggle("leads", Boolean((event.target as NodeSingular).data("link")));
    });
    this.cy.on("mouseout", "node", () => box.classList.remove("leads"));
    this.cy.on("select", "node", (event) => this.said.replaceChildren((event.target as NodeSingular).data("name")));
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const scheme of ["(prefers-color-scheme: dark)", "print"]) {
      matchMedia(scheme).addEventListener("change", () => this.cy.style(style()));
    }
    new ResizeObserver(() => this.cy.resize()).observe(box);
  }

  /** Larger (above 1) or smaller, about the middle. */
  zoom(by: number): void {
    this.cy.zoom({
      level: this.cy.zoom() * by,
      renderedPosition: { x: this.box.clientWidth / 2, y: this.box.clientHeight / 2 },
    });
  }

  /** All of it, but never larger than life. */
  fit(): void {
    this.cy.fit(undefined, MARGIN);
    if (this.cy.zoom() > 1) {
      this.cy.zoom(1);
      this.cy.center();
    }
  }

  /** The picture as a PNG. */
  png(): Blob {
    return this.cy.png({ output: "blob", full: true, scale: 2, bg: token("--paper") }) as unknown as Blob;
  }

  /** From left to right or from top to bottom, whichever shows more; as high as it needs to be. */
  private arrange(): void {
    const rankSep = this.cy.edges("[label != '']").nonempty() ? 140 : 64; // lines with names need more room
    const layouts = ["LR", "TB"].map((rankDir) => {
      // The options are those of the extension, which the types of cytoscape do not know.
      const options = { name: "dagre", rankDir, nodeSep: 18, rankSep, fit: false, animate: false };
      return () => {
        this.cy.layout(options as cytoscape.LayoutOptions).run();
        this.fit();
        return this.cy.zoom();
      };
    });
    const [across, down] = layouts.map((layout) => layout()) as [number, number];
    if (across >= down) layouts[0]!();
    const needed = this.cy.elements().boundingBox().h * this.cy.zoom() + 2 * MARGIN;
    if (this.cy.zoom() >= LEAST && needed < this.box.clientHeight) this.box.style.height = `${Math.max(needed, LOWEST)}px`;
    this.cy.resize();
    this.fit();
    if (this.cy.zoom() < LEAST) {
      this.cy.zoom(LEAST);
      this.cy.center(this.first());
    }
  }

  private go(node: NodeSingular): void {
    this.choose(node);
    const link: string = node.data("link");
    if (link) this.open(link);
  }

  private choose(node: NodeSingular): void {
    this.cy.nodes().unselect();
    node.select();
    const shown = this.cy.extent();
    const at = node.boundingBox();
    if (at.x1 < shown.x1 || at.x2 > shown.x2 || at.y1 < shown.y1 || at.y2 > shown.y2) this.cy.center(node);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const chosen = this.cy.nodes(":selected").first() as NodeSingular;
    const step = STEPS[event.key];
    if (step !== undefined) {
      const next = chosen.empty() ? this.first() : this.beside(chosen, step);
      if (next !== undefined) this.choose(next);
    } else if (event.key === "Enter" && chosen.nonempty()) this.go(chosen);
    else if (event.key === "+") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  }

  /** The one to begin with: what was asked for, else the leftmost. */
  private first(): NodeSingular | undefined {
    const asked = this.cy.nodes(".asked");
    if (asked.nonempty()) return asked.first() as NodeSingular;
    const sorted = this.cy.nodes().sort((a, b) => (a as NodeSingular).position("x") - (b as NodeSingular).position("x"));
    return sorted.first() as NodeSingular;
  }

  /** The nearest node in a direction; what lies aside counts twice. */
  private beside(from: NodeSingular, [right, down]: [number, number]): NodeSingular | undefined {
    let best: NodeSingular | undefined;
    let least = Infinity;
    this.cy.nodes().forEach((node) => {
      const [x, y] = [node.position("x") - from.position("x"), node.position("y") - from.position("y")];
      const along = x * right + y * down;
      const aside = Math.abs(x * down) + Math.abs(y * right);
      if (along > 1 && along + 2 * aside < least) [best, least] = [node, along + 2 * aside];
    });
    return best;
  }
}

/** Cytoscape would write a style element, which the content policy refuses, unless there is one of this name. */
function forestall(): void {
  if (document.getElementById(SHEET) !== null) return;
  const there = document.createElement("meta");
  there.id = SHEET;
  there.name = "cytoscape";
  document.head.append(there);
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function style(): StylesheetJson {
  return [
    {
      selector: "node",
      style: {
        shape: "round-rectangle", width: "data(width)", height: "data(height)", label: "data(label)",
        "text-wrap": "wrap", "text-valign": "center", "text-halign": "center", "text-justification": "left",
        "font-size": 14, "line-height": 1.2, "font-family": 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif',
        color: token("--ink"), "background-color": token("--soft"), "border-color": token("--edge"), "border-width": 1.5,
      },
    },
    ...Object.entries(KINDS).map(([kind, colour]) => ({
      selector: `.${kind}`,
      style: { "background-color": token(`--${colour}-fill`), "border-color": token(`--${colour}-edge`) },
    })),
    { selector: ".input", style: { "background-color": token("--accent-soft"), "border-color": token("--accent") } },
    { selector: ".none", style: { "background-color": token("--paper"), "border-style": "dashed", color: token("--quiet") } },
    { selector: ".asked", style: { "border-width": 3.5 } },
    { selector: "node:selected", style: { "border-width": 5, "border-color": token("--focus") } },
    {
      selector: "edge",
      style: {
        width: 1.6, "curve-style": "bezier", "line-color": token("--link"), "target-arrow-color": token("--link"),
        "target-arrow-shape": "triangle", label: "data(label)", "font-size": 11, color: token("--quiet"),
        "text-background-color": token("--paper"), "text-background-opacity": 0.85, "text-background-padding": "2px",
      },
    },
  ] as StylesheetJson;
}
