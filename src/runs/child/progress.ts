import { setTimeout as sleep } from 'node:timers/promises';
import type { RunProgress } from '../../core/contracts/run.ts';

/** At most four a second. */
const MIN_INTERVAL_MS = 250;

/** Thins out a run's progress, whose clock never goes back. What is held back is told by `flush`, or replaced by what comes next. */
export class ProgressReporter {
  readonly #tell: (progress: RunProgress) => Promise<void>;
  #last: RunProgress;
  #pending = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Seconds of training that were lost, with every checkpoint or back to one: they were spent all the same. */
  #secondsLost = 0;

  constructor(first: RunProgress, tell: (progress: RunProgress) => Promise<void>) {
    this.#last = first;
    this.#tell = tell;
  }

  async report(change: Partial<RunProgress>): Promise<void> {
    const { secondsElapsed: seconds } = change;
    const before = this.#last.secondsElapsed;
    this.#last = { ...this.#last, ...change };
    if (seconds !== undefined) {
      this.#secondsLost = Math.max(this.#secondsLost, before - seconds);
      this.#last.secondsElapsed = seconds + this.#secondsLost;
    }
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
