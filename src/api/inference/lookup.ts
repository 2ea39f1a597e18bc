import { setImmediate as nextTurn } from 'node:timers/promises';

interface Entry<T> {
  found: Promise<T>;
  /** When the look-up began; null while it has not. */
  begun: number | null;
}

/**
 * Looks things up for many at a time: those who ask before a look-up begins share it, and so do those who ask within
 * `freshMs` after. However many ask, at most one look-up a key is on its way.
 */
export class SharedLookup<T> {
  readonly #look: (key: string) => Promise<T>;
  readonly #freshMs: number;
  readonly #now: () => number;
  readonly #newest = new Map<string, Entry<T>>();

  readonly #onFind: (shared: boolean) => void;

  /** @param onFind told whether a look-up was shared with others */
  constructor(
    look: (key: string) => Promise<T>,
    freshMs = 0,
    now = () => performance.now(),
    onFind: (shared: boolean) => void = () => undefined,
  ) {
    this.#onFind = onFind;
    this.#look = look;
    this.#freshMs = freshMs;
    this.#now = now;
  }

  find(key: string): Promise<T> {
    const newest = this.#newest.get(key);
    const joins = newest && (newest.begun === null || this.#now() - newest.begun < this.#freshMs);
    this.#onFind(joins === true);
    if (joins) return newest.found;
    const entry = { begun: null } as Entry<T>;
    entry.found = this.#begin(key, entry, newest?.found);
    this.#newest.set(key, entry);
    return entry.found;
  }

  /** Whoever asks from now on gets what a later look-up finds. */
  forget(): void {
    this.#newest.clear();
  }

  async #begin(key: string, entry: Entry<T>, before: Promise<T> | undefined): Promise<T> {
    // Whatever the event loop has read already joins too.
    if (before) await Promise.allSettled([before]);
    else await nextTurn();
    entry.begun = this.#now();
    try {
      return await this.#look(key);
    } catch (error) {
      // What clients ask for in vain is not remembered.
      if (this.#newest.get(key) === entry) this.#newest.delete(key);
      throw error;
    }
  }
}
