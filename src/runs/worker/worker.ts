import { type Telemetry, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RunChildSettings } from '../../core/contracts/worker.ts';
import { errorCodeOf, isPassing } from '../../core/errors.ts';
import { connectRedis, type RedisTarget } from '../../platform/redis/connection.ts';
import { DEFAULT_PREFIX, type Keys, redisKeys } from '../../platform/redis/key-names.ts';
import type { JobData } from '../redis/jobs.ts';
import { RunStore, type Stop } from '../redis/run-store.ts';
import { type ChildOutcome, RunChild, type StopReason } from './run-child.ts';

/** A dead worker's lock lasts this long at most, and is noticed within the interval. */
const LOCK_MS = 15_000;
const STALLED_INTERVAL_MS = 5_000;
/** How often a worker fetches after an error, looks for runs without a job, and for requests it did not hear. */
const RETRY_MS = 1_000;
const RECONCILE_MS = 15_000;
const POLL_MS = 2_000;
/** How long a child may take to write a checkpoint for a shutdown. A pause may take as long as an iteration. */
const STOP_LIMIT_MS = 18_000;
/** What is cancelled has nothing to save: one that does not stop by itself, since it loads for instance, is ended. */
const CANCEL_LIMIT_MS = 3_000;
/** By reason. */
const STOP_LIMITS: Record<StopReason, number | undefined> = {
  cancel: CANCEL_LIMIT_MS,
  requeue: STOP_LIMIT_MS,
  pause: undefined,
};
/** Beyond the child's limit: to write down how it ended. */
const CLOSE_LIMIT_MS = STOP_LIMIT_MS + 3_000;
/** Crashes without a checkpoint in between after which a run fails. */
const MOST_CRASHES = 3;

export interface WorkerOptions {
  redis: RedisTarget;
  /** Folder of the datasets, and of the store unless that is elsewhere. */
  dataDir: string;
  storeRoot?: string;
  keyPrefix?: string;
  /** Path of the module that trains a run. */
  childModule: string;
  /** Has runs belong to the traces of the calls that started them. */
  tracing?: { telemetry: Telemetry; current(): string | undefined } | undefined;
  /** Told what went wrong with a run or with Redis; by default nobody is. */
  log?: (level: 'warn', message: string) => void;
}

export interface RunWorker {
  /** Runs in training, with the process of each. */
  readonly active: { runId: string; pid: number | undefined }[];
  /** Has the run in training write a checkpoint and go back to the queue; ends within 21 s. */
  close(): Promise<void>;
}

/** Takes runs from the queue, one at a time, each to a process of its own. Never computes anything itself. */
export async function startWorker(options: WorkerOptions): Promise<RunWorker> {
  const worker = new QueueWorker(options);
  await worker.start();
  return worker;
}

class QueueWorker implements RunWorker {
  readonly #keys: Keys;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #runs: RunStore;
  readonly #bull: Worker<JobData>;
  readonly #settings: RunChildSettings;
  readonly #childModule: string;
  readonly #children = new Map<string, RunChild>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #warn: (message: string, error?: unknown) => void;
  readonly #tracing: WorkerOptions['tracing'];
  #closing = false;

  constructor({ redis, dataDir, storeRoot = dataDir, ...options }: WorkerOptions) {
    const { keyPrefix = DEFAULT_PREFIX, childModule, log, tracing } = options;
    this.#tracing = tracing;
    this.#keys = redisKeys(keyPrefix);
    this.#settings = { records: { in: 'redis', redis, keyPrefix }, storeRoot, dataDir };
    this.#childModule = childModule;
    this.#warn = (message, error) =>
      log?.(
        'warn',
        error === undefined ? message : `${message}: ${error instanceof Error ? error.message : error}`,
      );
    this.#redis = connectRedis(redis, 'patient');
    this.#subscriber = connectRedis(redis, 'patient');
    this.#runs = new RunStore(this.#redis, this.#keys);
    this.#bull = new Worker<JobData>(this.#keys.bullQueue, (job) => this.#process(job.data), {
      connection: this.#redis,
      prefix: this.#keys.bullPrefix,
      ...(tracing && { telemetry: tracing.telemetry }),
      autorun: false,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_INTERVAL_MS,
      // A run outlives any number of workers; only its own crashes count.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      runRetryDelay: RETRY_MS,
    });
    this.#bull.on('error', (error) => this.#warn('the queue could not be read', error));
  }

  async start(): Promise<void> {
    this.#subscriber.on('message', (channel, message) => {
      if (channel !== this.#keys.stops) return;
      const { runId, reason } = JSON.parse(message) as Stop;
      this.#stop(runId, reason);
    });
    await this.#subscriber.subscribe(this.#keys.stops);
    await this.#runs.reconcile();
    const every = (ms: number, what: string, action: () => Promise<void>): void => {
      const run = () => action().catch((error: unknown) => this.#warn(`${what} failed`, error));
      this.#timers.push(setInterval(run, ms));
    };
    every(RECONCILE_MS, 'looking for runs without a job', () => this.#runs.reconcile());
    every(POLL_MS, 'looking for requests to stop', () => this.#honourRequests());
    this.#bull.run().catch((error: unknown) => this.#warn('the queue could not be read', error));
  }

  get active(): { runId: string; pid: number | undefined }[] {
    return [...this.#children].map(([runId, { pid }]) => ({ runId, pid }));
  }

  #stop(runId: string, reason: StopReason): void {
    this.#children.get(runId)?.stop(reason, STOP_LIMITS[reason]);
  }

  /** Announcements are lost on whoever does not listen at that moment; the record is not. */
  async #honourRequests(): Promise<void> {
    for (const runId of this.#children.keys()) {
      const { state } = await this.#runs.get(runId);
      if (state === 'pausing') this.#stop(runId, 'pause');
      if (state === 'cancelling') this.#stop(runId, 'cancel');
    }
  }

  async #process(job: JobData): Promise<void> {
    const { runId } = job;
    try {
      const fence = await this.#runs.take(job);
      if (fence === undefined) return;
      await this.#settle(runId, fence, await this.#train(runId, fence));
    } catch (error) {
      const code = errorCodeOf(error);
      // Someone else owns the run, or it was removed: there is nothing left to do here.
      if (code !== 'fence_lost' && code !== 'run_not_found') throw error;
      this.#warn(`${runId} is no longer this worker's`, error);
    }
  }

  async #train(runId: string, fence: number): Promise<ChildOutcome> {
    if (this.#closing) return { type: 'stopped', reason: 'requeue' };
    const child = new RunChild({
      module: this.#childModule,
      runId,
      fence,
      settings: this.#settings,
      trace: this.#tracing?.current(),
      onFacts: (facts) => this.#runs.noteEngine(runId, facts).catch(() => undefined),
    });
    this.#children.set(runId, child);
    try {
      // What was asked between taking the run and listening for it; should this fail, the timer asks again.
      await this.#honourRequests().catch(() => undefined);
      return await child.outcome;
    } finally {
      this.#children.delete(runId);
    }
  }

  async #settle(runId: string, fence: number, outcome: ChildOutcome): Promise<void> {
    switch (outcome.type) {
      case 'succeeded':
        await this.#runs.settle(runId, fence, 'succeeded', { modelId: outcome.modelId });
        return;
      case 'stopped':
        await this.#runs.settle(runId, fence, 'stopped');
        return;
      case 'failed': {
        const { error } = outcome;
        this.#warn(`${runId} ended with ${error.code}: ${error.message}`);
        await this.#runs.settle(runId, fence, isPassing(error.code) ? 'blocked' : 'failed', { error });
        return;
      }
      case 'died': {
        this.#warn(`${runId}: ${outcome.detail}`);
        const crashes = this.#closing ? 0 : await this.#runs.countCrash(runId, fence);
        if (crashes < MOST_CRASHES) {
          await this.#runs.settle(runId, fence, 'died');
          return;
        }
        const message = `${outcome.detail}. It was the ${MOST_CRASHES}rd time without a checkpoint in between; give the machine more memory or the run a smaller batchSize.`;
        await this.#runs.settle(runId, fence, 'diedTooOften', { error: { code: 'child_died', message } });
      }
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const runId of this.#children.keys()) this.#stop(runId, 'requeue');
    // With Redis away nothing can be written down; whoever takes the run next finds its last checkpoint.
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, CLOSE_LIMIT_MS);
    });
    await Promise.race([this.#bull.close().then(() => this.#runs.close()), late]);
    clearTimeout(limit);
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }
}
