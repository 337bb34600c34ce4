// The editor speaks English only: what it writes into the page is replaced by the words of the catalogue.

const SPOKEN = ["title", "aria-label", "placeholder"];
// What people wrote or the graph says stays as it is.
const THEIRS = ".CodeMirror-scroll, .CodeMirror-hints, td, tbody, pre, input, .network, [role=tab] > span";

/**
 * Keep the texts below an element in our words: those that are in the table, and numbers within the patterns.
 * `unnamed`: elements that have no name for who cannot see them, and theirs.
 */
export function translate(
  root: HTMLElement,
  table: Map<string, string>,
  patterns: [RegExp, string][],
  unnamed: [selector: string, name: string][],
): void {
  const ours = (said: string): string | undefined => {
    const text = said.trim();
    if (!text) return undefined;
    const exact = table.get(text);
    if (exact !== undefined) return exact;
    for (const [pattern, to] of patterns) if (pattern.test(text)) return text.replace(pattern, to);
    return undefined;
  };
  const element = (one: Element): void => {
    for (const [selector, name] of unnamed) {
      if (one.matches(selector) && !one.hasAttribute("aria-label")) one.setAttribute("aria-label", name);
    }
    for (const name of SPOKEN) {
      const said = one.getAttribute(name);
      const to = said === null ? undefined : ours(said);
      if (to !== undefined && to !== said) one.setAttribute(name, to);
    }
  };
  const visit = (node: Node): void => {
    if (node instanceof Text) {
      if (node.parentElement?.closest(THEIRS)) return;
      const to = ours(node.data);
      if (to !== undefined && to !== node.data) node.data = to;
    } else if (node instanceof Element && !node.matches(".CodeMirror-scroll, td, tbody")) {
      element(node);
      node.childNodes.forEach(visit);
    }
  };
  visit(root);
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "attributes") element(change.target as Element);
      else if (change.type === "characterData") visit(change.target);
      else change.addedNodes.forEach(visit);
    }
  }).observe(root, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: SPOKEN });
}
