import { setTimeout as sleep } from 'node:timers/promises';
import type { RunProgress } from '../../core/contracts/run.ts';

/** At most four reports per second. */
const MIN_INTERVAL_MS = 250;

/** Times in milliseconds. */
export interface Clock {
  now(): number;
  sleep(ms: number): Promise<void>;
}

const SYSTEM_CLOCK: Clock = { now: () => performance.now(), sleep: (ms) => sleep(ms) };

/**
 * Limits how often a run's progress is reported. A change within the interval is merged into the next report, or
 * reported by `flush`. Its clock never goes back.
 */
export class ProgressReporter {
  readonly #append: (progress: RunProgress) => Promise<void>;
  #last: RunProgress;
  #pending = false;
  #reportedAt = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;
  /** Seconds spent on iterations that were lost when training restarted from a checkpoint. They still count. */
  #secondsLost = 0;

  constructor(first: RunProgress, append: (progress: RunProgress) => Promise<void>, clock = SYSTEM_CLOCK) {
    this.#last = first;
    this.#append = append;
    this.#clock = clock;
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
    if (this.#clock.now() - this.#reportedAt >= MIN_INTERVAL_MS) await this.flush();
  }

  /** Reports the newest progress, as soon as the interval allows. */
  async flush(): Promise<void> {
    if (!this.#pending) return;
    const wait = this.#reportedAt + MIN_INTERVAL_MS - this.#clock.now();
    if (wait > 0) await this.#clock.sleep(wait);
    this.#pending = false;
    this.#reportedAt = this.#clock.now();
    await this.#append(this.#last);
  }
}
