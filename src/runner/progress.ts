import { setTimeout as sleep } from 'node:timers/promises';
import type { RunProgress } from '../contracts/run.ts';

/** At most four a second. */
const MIN_INTERVAL_MS = 250;

/** Thins out a run's progress. What is held back is told by `flush`, or replaced by what comes next. */
export class ProgressReporter {
  readonly #tell: (progress: RunProgress) => Promise<void>;
  #last: RunProgress;
  #pending = false;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(first: RunProgress, tell: (progress: RunProgress) => Promise<void>) {
    this.#last = first;
    this.#tell = tell;
  }

  async report(change: Partial<RunProgress>): Promise<void> {
    this.#last = { ...this.#last, ...change };
    this.#pending = true;
    if (performance.now() - this.#toldAt >= MIN_INTERVAL_MS) await this.flush();
  }

  /** Tells the newest, as soon as the interval allows. */
  async flush(): Promise<void> {
    if (!this.#pending) return;
    const wait = this.#toldAt + MIN_INTERVAL_MS - performance.now();
    if (wait > 0) await sleep(wait);
    this.#pending = false;
    this.#toldAt = performance.now();
    await this.#tell(this.#last);
  }
}
