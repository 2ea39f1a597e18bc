import { Queue, type Telemetry } from 'bullmq';
import type { Redis } from 'ioredis';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';

export interface JobData {
  runId: string;
  /** Number of the job. Only the current job may start the run, which gets a new one whenever it is requeued. */
  number: number;
}

/** The BullMQ jobs that assign runs to workers. The state of a run is in its record, not in its job. */
export class RunJobs {
  readonly queue: Queue<JobData>;
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys, telemetry?: Telemetry) {
    this.#redis = redis;
    this.#keys = keys;
    this.queue = new Queue<JobData>(keys.bullQueue, {
      connection: redis,
      prefix: keys.bullPrefix,
      skipWaitingForReady: true,
      ...(telemetry && { telemetry }),
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    // Calls report their own errors. Without a listener, the queue's `error` event would end the process.
    this.queue.on('error', () => undefined);
  }

  async #currentJob(runId: string): Promise<{ number: number; jobId: string }> {
    const number = Number(await guarded(() => this.#redis.hget(this.#keys.run(runId), '_job')));
    return { number, jobId: `${runId}-${number}` };
  }

  /** Adds the run's current job if it is missing. With `first`, workers take it before all others. */
  async ensure(runId: string, { first = false } = {}): Promise<void> {
    const { number, jobId } = await this.#currentJob(runId);
    await guarded(async () => {
      if ((await this.queue.getJob(jobId)) !== undefined) return;
      await this.queue.add('run', { runId, number }, { jobId, lifo: first });
    });
  }

  /** A job that a worker holds cannot be removed. That is harmless, since the worker sees that the run is cancelled. */
  async remove(runId: string): Promise<void> {
    const { jobId } = await this.#currentJob(runId);
    await this.queue.remove(jobId).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}
