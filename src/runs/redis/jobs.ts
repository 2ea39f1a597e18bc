import { Queue, type Telemetry } from 'bullmq';
import type { Redis } from 'ioredis';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';

export interface JobData {
  runId: string;
  /** Only a run's current job may start it: it gets a new one each time it is queued again. */
  number: number;
}

/** The jobs by which BullMQ hands runs to workers. All that is known of a run itself is in its record. */
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
    // Calls report what they meet; the queue's own event would end the process when nobody listens.
    this.queue.on('error', () => undefined);
  }

  async #currentJob(runId: string): Promise<{ number: number; jobId: string }> {
    const number = Number(await guarded(() => this.#redis.hget(this.#keys.run(runId), '_job')));
    return { number, jobId: `${runId}-${number}` };
  }

  /** Adds the job of a run that should have one and has none; `first` to be taken before all others. */
  async ensure(runId: string, { first = false } = {}): Promise<void> {
    const { number, jobId } = await this.#currentJob(runId);
    await guarded(async () => {
      if ((await this.queue.getJob(jobId)) !== undefined) return;
      await this.queue.add('run', { runId, number }, { jobId, lifo: first });
    });
  }

  /** One that stays behind because a worker is at it does no harm: the worker finds the run cancelled. */
  async remove(runId: string): Promise<void> {
    const { jobId } = await this.#currentJob(runId);
    await this.queue.remove(jobId).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}
