import { type Telemetry, Worker } from 'bullmq';
import { errorCodeOf } from '../../core/errors.ts';
import type { RedisTarget } from '../../platform/redis/connection.ts';
import { DEFAULT_PREFIX, redisKeys } from '../../platform/redis/key-names.ts';
import type { JobData } from '../redis/jobs.ts';
import { RunSupervisor, STOP_LIMIT_MS } from './run-child.ts';

/** A dead worker's lock expires after this time, and other workers notice within the interval. */
const LOCK_MS = 15_000;
const STALLED_INTERVAL_MS = 5_000;
/** Delay before reading the queue again after an error. */
const RETRY_MS = 1_000;
/** How often a worker adds missing jobs of runs. */
const RECONCILE_MS = 15_000;
/** Leaves time after the child's limit to record the outcome. */
const CLOSE_LIMIT_MS = STOP_LIMIT_MS + 3_000;

export interface WorkerOptions {
  redis: RedisTarget;
  /** Folder of the datasets, and of the store unless `storeRoot` is set. */
  dataDir: string;
  storeRoot?: string;
  keyPrefix?: string;
  /** Path of the module that trains a run. */
  childModule: string;
  /** Adds runs to the traces of the requests that started them. */
  tracing?: { telemetry: Telemetry; current(): string | undefined } | undefined;
  /** Called with problems of runs and of Redis. */
  log?: (level: 'warn', message: string) => void;
}

export interface RunWorker {
  /** Runs in training and their process ids. */
  readonly active: { runId: string; pid: number | undefined }[];
  /** Makes the run in training write a checkpoint, requeues it, and resolves within 21 s. */
  close(): Promise<void>;
}

/** Takes runs from the queue, one at a time, and trains each in a separate process. */
export async function startWorker(options: WorkerOptions): Promise<RunWorker> {
  const worker = new QueueWorker(options);
  await worker.start();
  return worker;
}

class QueueWorker implements RunWorker {
  readonly #supervisor: RunSupervisor;
  readonly #bull: Worker<JobData>;
  readonly #warn: (message: string, error?: unknown) => void;
  #reconciling: NodeJS.Timeout | undefined;

  constructor({ redis, dataDir, storeRoot = dataDir, ...options }: WorkerOptions) {
    const { keyPrefix = DEFAULT_PREFIX, childModule, log, tracing } = options;
    this.#warn = (message, error) =>
      log?.(
        'warn',
        error === undefined ? message : `${message}: ${error instanceof Error ? error.message : error}`,
      );
    this.#supervisor = new RunSupervisor({
      settings: { redis, keyPrefix, storeRoot, dataDir },
      childModule,
      requeues: true,
      warn: this.#warn,
      currentTrace: tracing && (() => tracing.current()),
    });
    const keys = redisKeys(keyPrefix);
    this.#bull = new Worker<JobData>(keys.bullQueue, (job) => this.#process(job.data), {
      connection: this.#supervisor.redis,
      prefix: keys.bullPrefix,
      ...(tracing && { telemetry: tracing.telemetry }),
      autorun: false,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_INTERVAL_MS,
      // The death of a worker must not fail a run. Only crashes of the run's own process count.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      runRetryDelay: RETRY_MS,
    });
    this.#bull.on('error', (error) => this.#warn('could not read the queue', error));
  }

  async start(): Promise<void> {
    const { runs } = this.#supervisor;
    await this.#supervisor.start();
    await runs.reconcile();
    this.#reconciling = setInterval(() => {
      runs.reconcile().catch((error: unknown) => this.#warn('could not check for runs without a job', error));
    }, RECONCILE_MS);
    this.#bull.run().catch((error: unknown) => this.#warn('could not read the queue', error));
  }

  get active(): { runId: string; pid: number | undefined }[] {
    return this.#supervisor.active;
  }

  async #process(job: JobData): Promise<void> {
    try {
      const fence = await this.#supervisor.runs.take(job);
      if (fence !== undefined) await this.#supervisor.train(job.runId, fence);
    } catch (error) {
      const code = errorCodeOf(error);
      // Another worker owns the run, or it was removed, so this job is done.
      if (code !== 'fence_lost' && code !== 'run_not_found') throw error;
      this.#warn(`this worker no longer owns ${job.runId}`, error);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#reconciling);
    this.#supervisor.stopAll();
    // While Redis is away, nothing can be recorded. The next worker resumes the run from its last checkpoint.
    let limit: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, CLOSE_LIMIT_MS);
    });
    await Promise.race([this.#bull.close().then(() => this.#supervisor.runs.close()), timeout]);
    clearTimeout(limit);
    this.#supervisor.disconnect();
  }
}
