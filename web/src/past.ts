// The queries that somebody ran in this browser, newest first: their text and when, never an answer.

export interface Ran {
  query: string;
  at: string;
}

const MOST = 50;

export class Past {
  constructor(private readonly key: string) {}

  /** All, newest first; none where the browser keeps nothing. */
  all(): Ran[] {
    const kept = localStorage.getItem(this.key);
    if (kept === null) return [];
    try {
      return JSON.parse(kept) as Ran[];
    } catch (error) {
      if (error instanceof SyntaxError) return [];
      throw error;
    }
  }

  /** Remember one that is run now; one that was run before moves up. */
  add(query: string): void {
    const others = this.all().filter((one) => one.query !== query);
    localStorage.setItem(this.key, JSON.stringify([{ query, at: new Date().toISOString() }, ...others].slice(0, MOST)));
  }

  /** Forget all. */
  clear(): void {
    localStorage.removeItem(this.key);
  }
}
