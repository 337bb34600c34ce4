// The words that the server put into the page for its components: see templates/words.html.

/** The words by key; throws for a key that the page did not give. */
export function words(id = "words"): (key: string) => string {
  const given: Record<string, string> = JSON.parse(document.getElementById(id)?.textContent ?? "{}");
  return (key) => {
    const found = given[key];
    if (found === undefined) throw new Error(`the page gave no word for ${key}`);
    return found;
  };
}
