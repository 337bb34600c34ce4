// The workbench: YASGUI with the prefixes, terms and saved questions of the graph, for the purpose of the page.
import Yasgui from "@zazuko/yasgui";
import "@zazuko/yasgui/build/yasgui.min.css";
import { data, element } from "../data";
import { Past } from "../past";
import { box, mark, problem, unmark } from "../problems";
import { translate } from "../translation";
import { register } from "../triples";
import { offer, type Vocabulary } from "../vocabulary";
import { words } from "../words";

interface Given extends Vocabulary {
  owner: string; // whose queries the browser keeps, as a number without meaning
  ids: string; // how the IRIs of records begin
  terms: string; // and those of the terms of the ontology
  first: string; // the query of a new tab
  asked: string; // the query to begin with, or nothing
  title: string; // and what its tab is called
  questions: { id: string; title: string; text: string }[];
}
type Tab = ReturnType<Yasgui["addTab"]>;

const t = words();
const given = data<Given>("workbench-data");
const root = element("workbench");
const past = new Past(`kgservice-history-${given.owner}`);

element("workbench-area").hidden = false;
element("plain").hidden = true;
offer(given);
register(
  { graph: t("graph"), help: t("network-help"), cut: t("statements-not-shown") },
  given.prefixes,
  (iri) => location.assign(own(iri)),
);
const tables = (Yasgui.Yasr as unknown as { plugins: Record<string, { defaults: { tableConfig: { language: object } } }> }).plugins;
Object.assign(tables["table"]!.defaults.tableConfig.language, {
  info: t("table-info"), infoEmpty: t("table-none"), infoFiltered: t("table-filtered"),
  emptyTable: t("table-none"), zeroRecords: t("table-none"),
});
Yasgui.Yasr.defaults.errorRenderers = [
  async (error) => box(problem(error.text), { error: t("error"), line: t("line"), column: t("column") }),
];

const endpoint = new URL("/sparql", location.href).href;
const yasgui = new Yasgui(root, {
  persistenceId: `workbench-${given.owner}`,
  tabName: t("query"),
  autofocus: false,
  contextMenuContainer: root,
  populateFromUrl: false, // an address could name another endpoint
  copyEndpointOnNewTab: false,
  requestConfig: {
    endpoint,
    method: "POST",
    acceptHeaderGraph: "text/turtle",
    acceptHeaderSelect: "application/sparql-results+json",
  },
  endpointCatalogueOptions: { getData: () => [], keys: [], renderItem: () => undefined },
  yasqe: { value: given.first, editorHeight: "320px" },
  yasr: { ...Yasgui.Yasr.defaults, prefixes: given.prefixes, maxPersistentResponseSize: 0 }, // no answer is kept
} as ConstructorParameters<typeof Yasgui>[1]);

// A list of tabs holds tabs and nothing else, for those who hear what it is: the button and the menu stand beside it.
const tabList = yasgui.tabElements as unknown as { _tabsListEl: HTMLElement; addTabEl?: HTMLElement };
const beside = document.createElement("div");
beside.className = "tabs";
tabList._tabsListEl.replaceWith(beside);
beside.append(tabList._tabsListEl, tabList.addTabEl!);
tabList.addTabEl = undefined; // new tabs are put at the end then

translate(
  root,
  new Map([
    ["Run query", t("run")],
    ["Add tab", t("tab-add")],
    ["Add a new tab", t("tab-add")],
    ["Close tab", t("tab-close")],
    ["New Tab", t("tab-add")],
    ["Rename Tab", t("tab-rename")],
    ["Copy Tab", t("tab-copy")],
    ["Close Tab", t("tab-close")],
    ["Close other tabs", t("tabs-close-others")],
    ["Undo close Tab", t("tab-reopen")],
    ["Table", t("answer-as-table")],
    ["Shows Table view", t("answer-as-table")],
    ["Response", t("as-raw")],
    ["Shows Response view", t("as-raw")],
    [`Shows ${t("graph")} view`, t("graph")],
    ["Download Results", t("download")],
    ["Download result", t("download")],
    ["Filter query results", t("filter-rows")],
    ["Page size:", t("rows-per-page")],
    ["All", t("all")],
    ["Simple view", t("simple-view")],
    ["Ellipse", t("shorten-cells")],
    ["True", t("yes")],
    ["False", t("no")],
    ["Press CTRL - <spacebar> to autocomplete", t("complete-hint")],
    ["cannot render result", t("table-none")],
  ]),
  [
    [/^(\d+) results? in ([\d.]+) seconds?$/, `$1 ${t("results-in")} $2 s`],
    [/^(\d+) results?$/, `$1 ${t("results")}`],
    [/^Response in ([\d.]+) seconds?$/, `${t("answered-in")} $1 s`],
    [/^This line is invalid\. Expected: /, `${t("line-expected")} `],
  ],
  [[".tableSizer", t("rows-per-page")]],
);

/** Where an IRI leads: records and terms to their pages here, others to where they are. */
function own(iri: string): string {
  if (iri.startsWith(given.ids)) return `/id/${encodeURIComponent(iri.slice(given.ids.length))}`;
  if (iri.startsWith(given.terms)) return `/ontology/${encodeURIComponent(iri.slice(given.terms.length))}`;
  return iri;
}

function open(query: string, name?: string): void {
  yasgui.addTab(true, {
    ...Yasgui.Tab.getDefaults(yasgui),
    name: yasgui.createTabName(name),
    yasqe: { value: query },
  });
}

function link(): string {
  const query = yasgui.getTab()?.getYasqe()?.getValue() ?? "";
  const there = new URL(location.pathname, location.href);
  const language = new URL(location.href).searchParams.get("lang");
  there.searchParams.set("query", query);
  if (language) there.searchParams.set("lang", language);
  return there.href;
}

const list = element<HTMLOListElement>("past");
function remember(): void {
  list.replaceChildren(
    ...past.all().map(({ query, at }) => {
      const again = document.createElement("button");
      again.type = "button";
      again.className = "plain";
      again.textContent = query.replace(/^\s*(PREFIX|BASE)\b.*$/gim, "").replace(/\s+/g, " ").trim().slice(0, 160) || query.slice(0, 160);
      again.title = query;
      again.addEventListener("click", () => open(query));
      const when = document.createElement("time");
      when.dateTime = at;
      when.textContent = new Date(at).toLocaleString(document.documentElement.lang);
      const row = document.createElement("li");
      row.append(when, " ", again);
      return row;
    }),
  );
  element("no-past").hidden = list.childElementCount > 0;
  element("forget").hidden = list.childElementCount === 0;
}

yasgui.on("query", (_yasgui: Yasgui, tab: Tab) => {
  const editor = tab.getYasqe();
  if (editor === undefined) return;
  document.getElementById("plain-answer")?.remove(); // it is the answer to another query
  unmark(editor);
  past.add(editor.getValue());
  remember();
});
const watched = new WeakSet<object>();
function watch(): void {
  const editor = yasgui.getTab()?.getYasqe();
  if (editor === undefined || watched.has(editor)) return;
  watched.add(editor);
  editor.getInputField().setAttribute("aria-label", t("your-query"));
  const keys = editor as unknown as { options: { extraKeys: Record<string, unknown> } };
  Object.assign(keys.options.extraKeys, { Tab: false, "Shift-Tab": false }); // they lead on, as everywhere
  const answered = (_editor: unknown, answer: unknown) => {
    if (answer instanceof Error) mark(editor, problem(answer.message), t("line"));
  };
  editor.on("queryResponse", answered);
  (editor as unknown as { on(event: "change", deed: () => void): void }).on("change", () => unmark(editor));
}
for (const event of ["tabSelect", "tabAdd", "tabChange"]) yasgui.on(event, () => queueMicrotask(watch));

const picked = element<HTMLSelectElement>("saved");
element("open-saved").addEventListener("click", () => {
  const question = given.questions.find(({ id }) => id === picked.value);
  if (question) open(question.text, question.title);
});
element("permanent").addEventListener("click", () => {
  const address = element<HTMLInputElement>("address");
  address.value = link();
  address.hidden = false;
  address.select();
});
element("forget").addEventListener("click", () => {
  past.clear();
  remember();
});
root.addEventListener("click", (event) => {
  const anchor = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a.iri") : null;
  if (anchor) anchor.href = own(anchor.href);
}, true);

// Tabs of an earlier start of the service know another address of it.
for (const id of yasgui.persistentConfig.getTabs()) yasgui.getTab(id)?.setEndpoint(endpoint);
if (given.asked) open(given.asked, given.title || undefined);
remember();
watch();
