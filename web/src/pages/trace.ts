// The page of a chain: the picture of the server gives way to one that can be moved and enlarged.
import { data, element } from "../data";
import { type Line, Network, type Shown } from "../network";

const { nodes, lines } = data<{ nodes: Shown[]; lines: Line[] }>("chain");
const area = element("network-area");
area.hidden = false;
element("drawn").hidden = true;

// Links keep the language that the address of this page states.
const language = new URL(location.href).searchParams.get("lang");
function open(link: string): void {
  const there = new URL(link, location.href);
  if (language && there.origin === location.origin) there.searchParams.set("lang", language);
  location.assign(there.href);
}

const network = new Network(element("network"), element("network-said"), nodes, lines, open);
for (const [id, deed] of [
  ["zoom-in", () => network.zoom(1.25)],
  ["zoom-out", () => network.zoom(0.8)],
  ["zoom-fit", () => network.fit()],
] as const) {
  element(id).addEventListener("click", deed);
}
element("save-png").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(network.png());
  link.download = `${element("network").dataset["file"] ?? "trace"}.png`;
  link.click();
  URL.revokeObjectURL(link.href);
});
