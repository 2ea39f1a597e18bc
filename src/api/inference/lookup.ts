import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Shares a look-up among those who ask for the same key before it begins. Nobody gets an answer older than his
 * question, and however many ask at a time, one look-up runs and one waits.
 */
export class SharedLookup<T> {
  readonly #look: (key: string) => Promise<T>;
  /** The one that has not begun. */
  readonly #next = new Map<string, Promise<T>>();
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(look: (key: string) => Promise<T>) {
    this.#look = look;
  }

  find(key: string): Promise<T> {
    const joined = this.#next.get(key);
    if (joined) return joined;
    const next = this.#begin(key);
    this.#next.set(key, next);
    return next;
  }

  async #begin(key: string): Promise<T> {
    // Whatever the event loop has already read joins too.
    await (this.#running.get(key) ?? nextTurn());
    this.#next.delete(key);
    const found = this.#look(key);
    const over = found.then(
      () => {},
      () => {},
    );
    this.#running.set(key, over);
    void over.then(() => {
      if (this.#running.get(key) === over) this.#running.delete(key);
    });
    return await found;
  }
}
