// What the editor offers while somebody types: classes, properties and prefixes of the graph.
import Yasgui from "@zazuko/yasgui";

export type Term = [iri: string, label: string];
export interface Vocabulary {
  prefixes: Record<string, string>;
  classes: Term[];
  properties: Term[];
}

type Editor = InstanceType<typeof Yasgui.Yasqe>;
type Completer = (typeof Yasgui.Yasqe.Autocompleters)[string];
type Token = Parameters<NonNullable<Completer["postProcessSuggestion"]>>[1];
type Hints = Parameters<NonNullable<Completer["postprocessHints"]>>[1];

const MOST = 60;

/** The IRI with a prefix if there is one for it, else in angle brackets. */
export function shortened(iri: string, prefixes: Record<string, string>): string {
  for (const [prefix, namespace] of Object.entries(prefixes)) {
    const name = iri.slice(namespace.length);
    if (namespace && iri.startsWith(namespace) && /^[\w-]+$/.test(name)) return `${prefix}:${name}`;
  }
  return `<${iri}>`;
}

/** Let all editors offer this vocabulary, and nothing that they bring along. */
export function offer(vocabulary: Vocabulary): void {
  const { Yasqe } = Yasgui;
  const known = (editor: Editor) => ({ ...vocabulary.prefixes, ...editor.getPrefixesFromQuery() });
  const of = (name: string, from: string, terms: Term[]) => {
    const labels = new Map<string, string>();
    Yasqe.forkAutocompleter(from, {
      name,
      bulk: false,
      autoShow: true,
      get: (_editor, token) => matching(terms, token?.autocompletionString ?? ""),
      postProcessSuggestion: (editor: Editor, _token: Token, iri: string) => {
        const text = shortened(iri, known(editor));
        labels.set(text, terms.find(([one]) => one === iri)?.[1] ?? "");
        return text;
      },
      postprocessHints: (_editor: Editor, hints: Hints) =>
        hints.map((hint) => ({ ...hint, displayText: `${hint.text}  ${labels.get(hint.text) ?? ""}`.trim() })),
    });
  };
  of("classes-here", "class", vocabulary.classes);
  of("properties-here", "property", vocabulary.properties);
  Yasqe.forkAutocompleter("prefixes", {
    name: "prefixes-here",
    persistenceId: null as unknown as string, // they are in the page, and are not kept
    // An array is what the editor takes at once; its types know functions only.
    get: Object.entries(vocabulary.prefixes).map(([prefix, iri]) => `${prefix}: <${iri}>`) as unknown as Completer["get"],
  });
  Yasqe.defaults.autocompleters = ["variables", "prefixes-here", "classes-here", "properties-here"];
}

/** Terms that begin with what was typed; without a prefix also those whose name or label holds it. */
function matching(terms: Term[], typed: string): string[] {
  const begun = terms.filter(([iri]) => iri.startsWith(typed));
  if (begun.length === 0 && !typed.includes(":")) {
    const sought = typed.toLowerCase();
    begun.push(...terms.filter(([iri, label]) => `${iri.split(/[#/]/).pop()} ${label}`.toLowerCase().includes(sought)));
  }
  return begun.slice(0, MOST).map(([iri]) => iri);
}
