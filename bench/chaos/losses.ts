/** Losses, each once with its count. */
export class Losses {
  readonly #found = new Map<string, number>();
  readonly #say: (text: string) => void;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  add(what: string): void {
    const times = (this.#found.get(what) ?? 0) + 1;
    this.#found.set(what, times);
    if (times === 1) this.#say(`LOST: ${what}`);
  }

  /** Adds a loss unless the condition holds. */
  unless(holds: boolean, what: string): void {
    if (!holds) this.add(what);
  }

  get all(): string[] {
    return [...this.#found].map(([what, times]) => (times === 1 ? what : `${what} (${times} times)`));
  }
}
