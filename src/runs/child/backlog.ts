/**
 * Work that goes on in order behind the back of whoever hands it in, who waits only when too much has gathered. What a
 * task throws stops the backlog: it is thrown by every later call, and later tasks are not begun.
 */
export class Backlog {
  readonly #limit: number;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failure: { cause: unknown } | undefined;

  /** @param limit tasks that may wait or run without the next caller waiting for one to end */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves as soon as the task has a place. @throws what an earlier task threw */
  async add(task: () => Promise<void>): Promise<void> {
    while (this.#waiting >= this.#limit && !this.#failure) await this.#last;
    this.#assertSound();
    this.#waiting += 1;
    this.#last = this.#last.then(async () => {
      try {
        if (!this.#failure) await task();
      } catch (cause) {
        this.#failure = { cause };
      } finally {
        this.#waiting -= 1;
      }
    });
  }

  /** Resolves when everything handed in so far is done. @throws what a task threw */
  async settled(): Promise<void> {
    await this.#last;
    this.#assertSound();
  }

  #assertSound(): void {
    if (this.#failure) throw this.#failure.cause;
  }
}
