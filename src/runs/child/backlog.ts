/**
 * Runs tasks in order, in the background. A caller waits only while too many tasks are pending. After a task has failed,
 * no later task starts and every later call throws its error.
 */
export class Backlog {
  readonly #limit: number;
  #last: Promise<void> = Promise.resolve();
  #pending = 0;
  #failure: { cause: unknown } | undefined;

  /** @param limit how many tasks may be pending before `add` waits for one to end */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves once the task is queued. @throws what an earlier task threw */
  async add(task: () => Promise<void>): Promise<void> {
    while (this.#pending >= this.#limit && !this.#failure) await this.#last;
    this.#rethrowFailure();
    this.#pending += 1;
    this.#last = this.#last.then(async () => {
      try {
        if (!this.#failure) await task();
      } catch (cause) {
        this.#failure = { cause };
      } finally {
        this.#pending -= 1;
      }
    });
  }

  /** Resolves when every task added so far has ended. @throws what a task threw */
  async settled(): Promise<void> {
    await this.#last;
    this.#rethrowFailure();
  }

  #rethrowFailure(): void {
    if (this.#failure) throw this.#failure.cause;
  }
}
