import { StylographError } from '../core/errors.ts';

/** Time as the batcher sees it; tests give their own. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}

export interface BatcherLimits {
  /** Most cost units a batch holds; an image costs 1 unless its job says otherwise. */
  maxBatch: number;
  /** How long a job may wait for others to join it, where the last batch shows that there are others. */
  maxDelayMs: number;
  /** Most jobs waiting. */
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

/** A stretch of a job's images. */
export interface Slice<P> {
  payload: P;
  from: number;
  count: number;
}

export interface Submission<P> {
  /** Only jobs of the same group share a batch. */
  group: string;
  /** Images in the job; more than a batch holds are split. */
  count: number;
  /** Cost units an image; default 1. */
  cost?: number;
  payload: P;
  signal?: AbortSignal | undefined;
}

export interface Timings {
  /** Milliseconds from submission to the first batch. */
  queueMs: number;
  /** Milliseconds of computation, batches that it shared counted in full. */
  computeMs: number;
}

/** Thrown by `run` when the work was lost through no fault of its own: it is tried once more. */
export class WorkLost extends Error {
  override name = 'WorkLost';
}

interface Job<P> extends Submission<P> {
  cost: number;
  /** What is still to be dispatched: [from, count] stretches. */
  todo: [number, number][];
  running: number;
  retried: boolean;
  settled: boolean;
  submittedAt: number;
  startedAt: number | undefined;
  computeMs: number;
  finish(error?: unknown): void;
}

interface BatcherOptions<P> extends Partial<BatcherLimits> {
  clock: Clock;
  /** Computes one batch, leaving results with the payloads; resolves to the milliseconds it computed. */
  run(group: string, slices: Slice<P>[]): Promise<number>;
}

/**
 * Joins jobs into batches, one batch at a time, first come first served; a job too large for one batch goes to the
 * back after each, so that it cannot hold up the small ones. Pure: it knows neither processes nor tensors.
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

  /** Jobs not yet dispatched in full. */
  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * Resolves when every image of the job has been computed.
   *
   * @throws StylographError `queue_full` at once, `deadline_exceeded` when its time is over; the signal's reason when
   *   it aborts; whatever `run` throws.
   */
  submit(submission: Submission<P>): Promise<Timings> {
    if (this.#queue.length >= this.#limits.maxQueue) {
      throw new StylographError(
        'queue_full',
        `${this.#queue.length} inference requests are waiting already. Try again after the time in Retry-After.`,
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

  /** Holds back further batches; deadlines keep running. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  /** Fails everything that waits. */
  rejectAll(error: unknown): void {
    for (const job of [...this.#queue]) job.finish(error);
  }

  /** Fails everything, now and from now on. */
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
      todo: [[0, count]],
      running: 0,
      retried: false,
      settled: false,
      submittedAt: this.#clock.now(),
      startedAt: undefined,
      computeMs: 0,
      finish: (error) => {
        if (job.settled) return;
        job.settled = true;
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

  /** Starts a batch if there is work, nothing runs, and waiting longer would gain nothing. */
  #pump(): void {
    const head = this.#queue[0];
    if (this.#busy || this.#paused || head === undefined) return;
    this.#clock.clearTimeout(this.#timer);
    const now = this.#clock.now();
    const alone = this.#lastBatchJobs < 2 || now - this.#lastBatchAt > this.#limits.maxDelayMs;
    const patience = head.submittedAt + this.#limits.maxDelayMs - now;
    if (!alone && patience > 0 && this.#cost(head.group) < this.#limits.maxBatch) {
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
        if (job.running === 0 && job.todo.length === 0) job.finish();
      }
    } catch (error) {
      for (const entry of batch.reverse()) this.#failed(entry, error);
    } finally {
      // Only now, behind those that came meanwhile.
      for (const { job } of batch) {
        if (!job.settled && job.todo.length > 0 && !this.#queue.includes(job)) this.#queue.push(job);
      }
      this.#busy = false;
      this.#lastBatchAt = this.#clock.now();
      this.#lastBatchJobs = batch.length;
      this.#pump();
    }
  }

  /** Takes the next batch of a group off the queue. */
  #take(group: string): { job: Job<P>; from: number; count: number }[] {
    const batch: { job: Job<P>; from: number; count: number }[] = [];
    let room = this.#limits.maxBatch;
    for (const job of this.#queue.filter((candidate) => candidate.group === group)) {
      const stretch = job.todo[0]!;
      const count = Math.min(stretch[1], Math.floor(room / job.cost));
      if (count === 0) break;
      job.startedAt ??= this.#clock.now();
      job.running++;
      room -= count * job.cost;
      batch.push({ job, from: stretch[0], count });
      if (count === stretch[1]) job.todo.shift();
      else job.todo[0] = [stretch[0] + count, stretch[1] - count];
    }
    const taken = new Set(batch.map(({ job }) => job));
    this.#queue = this.#queue.filter((job) => !taken.has(job));
    return batch;
  }

  #failed({ job, from, count }: { job: Job<P>; from: number; count: number }, error: unknown): void {
    job.running--;
    if (this.#closedBy !== undefined) job.finish(this.#closedBy);
    if (job.settled) return;
    if (!(error instanceof WorkLost) || job.retried) {
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
    job.retried = true;
    job.todo.unshift([from, count]);
    this.#queue = [job, ...this.#queue.filter((other) => other !== job)];
  }

  #cost(group: string): number {
    return this.#queue
      .filter((job) => job.group === group)
      .reduce((sum, job) => sum + job.cost * job.todo.reduce((images, [, count]) => images + count, 0), 0);
  }

  #drainSeconds(): number {
    const units = this.#queue.reduce(
      (sum, job) => sum + job.cost * job.todo.reduce((images, [, count]) => images + count, 0),
      0,
    );
    return Math.max(1, Math.ceil((units * this.#msPerUnit) / 1000));
  }
}
