import { StylographError } from '../core/errors.ts';

/** The batcher's clock; tests pass their own. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}

export interface BatcherLimits {
  /** Maximum cost of a batch. An image costs 1 unless its job says otherwise. */
  maxBatch: number;
  /** How long a job waits for others to join it. It waits only if the last batch had several jobs. */
  maxDelayMs: number;
  /** Maximum number of queued jobs. */
  maxQueue: number;
  /** From submission to answer. */
  deadlineMs: number;
}

export const DEFAULT_LIMITS: BatcherLimits = {
  maxBatch: 64,
  maxDelayMs: 2,
  maxQueue: 256,
  deadlineMs: 10_000,
};

/** A range of a job's images. */
export interface Slice<P> {
  payload: P;
  from: number;
  count: number;
}

export interface Submission<P> {
  /** Jobs of different groups never share a batch. */
  group: string;
  /** Images in the job. A job larger than a batch is split. */
  count: number;
  /** Cost per image; default 1. */
  cost?: number;
  payload: P;
  signal?: AbortSignal | undefined;
}

export interface Timings {
  /** Milliseconds from submission to the first batch. */
  queueMs: number;
  /** Milliseconds of computation, including other jobs in the same batches. */
  computeMs: number;
}

/** Thrown by `run` when the process that computed the batch ended. Its jobs are retried once. */
export class WorkLost extends Error {
  override name = 'WorkLost';
}

interface Job<P> extends Submission<P> {
  cost: number;
  /** Ranges that are not yet dispatched, as [from, count]. */
  remaining: [number, number][];
  /** Dispatched ranges without a result. */
  running: number;
  wasRetried: boolean;
  isSettled: boolean;
  submittedAt: number;
  startedAt: number | undefined;
  computeMs: number;
  finish(error?: unknown): void;
}

interface BatcherOptions<P> extends Partial<BatcherLimits> {
  clock: Clock;
  /** Computes one batch and writes the results to the payloads. Resolves to the milliseconds of computation. */
  run(group: string, slices: Slice<P>[]): Promise<number>;
}

/**
 * Joins jobs into batches and runs one batch at a time, in order of arrival. A job larger than a batch returns to the end
 * of the queue after each batch, so that it does not delay small ones.
 */
export class Batcher<P> {
  readonly #limits: BatcherLimits;
  readonly #clock: Clock;
  readonly #run: BatcherOptions<P>['run'];
  #queue: Job<P>[] = [];
  #busy = false;
  #paused = false;
  #lastBatchAt = Number.NEGATIVE_INFINITY;
  #lastBatchJobs = 0;
  #timer: unknown;
  #msPerUnit = 1;
  #closedBy: unknown;

  constructor({ clock, run, ...limits }: BatcherOptions<P>) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#clock = clock;
    this.#run = run;
  }

  /** Jobs with images that are not yet dispatched. */
  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * Resolves when every image of the job is computed.
   *
   * @throws StylographError `queue_full`, `deadline_exceeded`; the signal's reason when it aborts; the error of `run`
   */
  submit(submission: Submission<P>): Promise<Timings> {
    if (this.#queue.length >= this.#limits.maxQueue) {
      throw new StylographError(
        'queue_full',
        `${this.#queue.length} inference requests are already waiting. Try again after the time in Retry-After.`,
        { retryAfter: this.#drainSeconds() },
      );
    }
    if (this.#closedBy !== undefined) throw this.#closedBy;
    submission.signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const job = this.#newJob(submission, resolve, reject);
      this.#queue.push(job);
      this.#pump();
    });
  }

  /** Starts no further batches. Deadlines continue. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  /** Rejects all queued jobs. */
  rejectAll(error: unknown): void {
    for (const job of [...this.#queue]) job.finish(error);
  }

  /** Rejects all present and future jobs. */
  close(error: unknown): void {
    this.#closedBy = error;
    this.rejectAll(error);
    this.#clock.clearTimeout(this.#timer);
  }

  #newJob(
    submission: Submission<P>,
    resolve: (timings: Timings) => void,
    reject: (error: unknown) => void,
  ): Job<P> {
    const { signal, count } = submission;
    const onAbort = () => job.finish(signal?.reason);
    const deadline = this.#clock.setTimeout(
      () =>
        job.finish(
          new StylographError(
            'deadline_exceeded',
            `The answer was not ready within ${this.#limits.deadlineMs / 1000} s. Ask for fewer images or try again later.`,
          ),
        ),
      this.#limits.deadlineMs,
    );
    const job: Job<P> = {
      ...submission,
      cost: Math.min(submission.cost ?? 1, this.#limits.maxBatch),
      remaining: [[0, count]],
      running: 0,
      wasRetried: false,
      isSettled: false,
      submittedAt: this.#clock.now(),
      startedAt: undefined,
      computeMs: 0,
      finish: (error) => {
        if (job.isSettled) return;
        job.isSettled = true;
        this.#clock.clearTimeout(deadline);
        signal?.removeEventListener('abort', onAbort);
        this.#queue = this.#queue.filter((other) => other !== job);
        if (error === undefined) {
          resolve({
            queueMs: (job.startedAt ?? job.submittedAt) - job.submittedAt,
            computeMs: job.computeMs,
          });
        } else reject(error);
      },
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    return job;
  }

  /** Starts the next batch, unless one is running or it is worth waiting for more jobs. */
  #pump(): void {
    const head = this.#queue[0];
    if (this.#busy || this.#paused || head === undefined) return;
    this.#clock.clearTimeout(this.#timer);
    const now = this.#clock.now();
    const isAlone = this.#lastBatchJobs < 2 || now - this.#lastBatchAt > this.#limits.maxDelayMs;
    const patience = head.submittedAt + this.#limits.maxDelayMs - now;
    if (
      !isAlone &&
      patience > 0 &&
      costOf(this.#queue.filter(({ group }) => group === head.group)) < this.#limits.maxBatch
    ) {
      this.#timer = this.#clock.setTimeout(() => this.#pump(), patience);
      return;
    }
    void this.#dispatch(head.group);
  }

  async #dispatch(group: string): Promise<void> {
    const batch = this.#take(group);
    const slices = batch.map(({ job, from, count }) => ({ payload: job.payload, from, count }));
    this.#busy = true;
    try {
      const computeMs = await this.#run(group, slices);
      const units = batch.reduce((sum, { job, count }) => sum + count * job.cost, 0);
      this.#msPerUnit += 0.1 * (computeMs / units - this.#msPerUnit);
      for (const { job } of batch) {
        job.running--;
        job.computeMs += computeMs;
        if (job.running === 0 && job.remaining.length === 0) job.finish();
      }
    } catch (error) {
      for (const entry of batch.reverse()) this.#failed(entry, error);
    } finally {
      // Only now, behind jobs that arrived during the batch.
      for (const { job } of batch) {
        if (!job.isSettled && job.remaining.length > 0 && !this.#queue.includes(job)) this.#queue.push(job);
      }
      this.#busy = false;
      this.#lastBatchAt = this.#clock.now();
      this.#lastBatchJobs = batch.length;
      this.#pump();
    }
  }

  /** Removes the next batch of a group from the queue. */
  #take(group: string): { job: Job<P>; from: number; count: number }[] {
    const batch: { job: Job<P>; from: number; count: number }[] = [];
    let budget = this.#limits.maxBatch;
    for (const job of this.#queue.filter((candidate) => candidate.group === group)) {
      const range = job.remaining[0]!;
      const count = Math.min(range[1], Math.floor(budget / job.cost));
      if (count === 0) break;
      job.startedAt ??= this.#clock.now();
      job.running++;
      budget -= count * job.cost;
      batch.push({ job, from: range[0], count });
      if (count === range[1]) job.remaining.shift();
      else job.remaining[0] = [range[0] + count, range[1] - count];
    }
    const taken = new Set(batch.map(({ job }) => job));
    this.#queue = this.#queue.filter((job) => !taken.has(job));
    return batch;
  }

  #failed({ job, from, count }: { job: Job<P>; from: number; count: number }, error: unknown): void {
    job.running--;
    if (this.#closedBy !== undefined) job.finish(this.#closedBy);
    if (job.isSettled) return;
    if (!(error instanceof WorkLost) || job.wasRetried) {
      job.finish(
        error instanceof WorkLost
          ? new StylographError(
              'inference_unavailable',
              `The inference process ended twice during this request (${error.message}). It is being restarted; try again.`,
              { retryAfter: 2 },
            )
          : error,
      );
      return;
    }
    job.wasRetried = true;
    job.remaining.unshift([from, count]);
    this.#queue = [job, ...this.#queue.filter((other) => other !== job)];
  }

  #drainSeconds(): number {
    return Math.max(1, Math.ceil((costOf(this.#queue) * this.#msPerUnit) / 1000));
  }
}

/** Cost of the images that are not yet dispatched. */
function costOf(jobs: readonly Job<unknown>[]): number {
  return jobs.reduce(
    (sum, job) => sum + job.cost * job.remaining.reduce((images, [, count]) => images + count, 0),
    0,
  );
}
