// What the server put into the page for a component, as a block of JSON.

/** The data of the block with this id; throws when the page has none. */
export function data<T>(id: string): T {
  const block = document.getElementById(id);
  if (block === null) throw new Error(`the page has no data called ${id}`);
  return JSON.parse(block.textContent ?? "") as T;
}

/** The element with this id; throws when the page has none. */
export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element called ${id}`);
  return found as T;
}
