import { type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import type { WebhookDelivery, WebhookTarget } from '../../core/contracts/webhook.ts';
import { errorCodeOf, StylographError } from '../../core/errors.ts';
import { connectRedis, guarded, type RedisTarget } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { parseRecord } from '../redis/records.ts';
import { RECORD_DELIVERY, runKeys } from '../redis/scripts.ts';
import { Outbox, type OutboxEntry } from './outbox.ts';

/** Seconds before each retry, varied by ±20 %. The schedule is the one that Standard Webhooks suggests. */
export const RETRY_SECONDS = [5, 60, 300, 1_800, 7_200, 18_000, 36_000];
/** Attempts that are recorded per run. */
const MAX_RECORDED = 200;
const CONCURRENCY = 8;
/** The receiver has been removed for good (RFC 9110, 15.5.11), so deliveries to it stop. */
const GONE = 410;

/** The content of one delivery. A test has no event. */
type JobData = { runId: string; event?: OutboxEntry['event'] };

export interface WebhooksOptions {
  redis: RedisTarget;
  keys: Keys;
  /** Sends the request and returns the response status. @throws the error that prevented a response */
  send(message: { id: string; url: string; secret: string; body: string }): Promise<number>;
  retrySeconds?: readonly number[];
  /** Called after every attempt. */
  onAttempt?(outcome: WebhookDelivery['outcome']): void;
  onProblem?(problem: Error): void;
}

/**
 * Delivers run events to the webhooks that subscribed to them. The script that publishes an event also adds it to the
 * outbox. One of the servers turns each outbox entry into a job, and BullMQ retries the job until it is delivered or
 * has no attempts left.
 */
export class Webhooks {
  readonly queue: Queue<JobData>;
  readonly #options: WebhooksOptions;
  readonly #keys: Keys;
  readonly #redis: Redis;
  readonly #outbox: Outbox;
  readonly #worker: Worker<JobData>;
  readonly #retrySeconds: readonly number[];

  constructor(options: WebhooksOptions) {
    const { redis, keys, retrySeconds = RETRY_SECONDS, onProblem = () => undefined } = options;
    this.#options = options;
    this.#keys = keys;
    this.#retrySeconds = retrySeconds;
    this.#redis = connectRedis(redis, 'patient');
    this.#outbox = new Outbox(redis, keys, (entry) => this.#enqueue(entry), onProblem);
    const base = { connection: this.#redis, prefix: keys.bullPrefix };
    this.queue = new Queue<JobData>(keys.webhookQueue, {
      ...base,
      skipWaitingForReady: true,
      defaultJobOptions: {
        attempts: retrySeconds.length + 1,
        backoff: { type: 'custom' },
        removeOnComplete: true,
        removeOnFail: true,
      },
    });
    this.queue.on('error', () => undefined);
    this.#worker = new Worker<JobData>(keys.webhookQueue, (job) => this.#deliver(job), {
      ...base,
      concurrency: CONCURRENCY,
      autorun: false,
      settings: { backoffStrategy: (attempts) => this.#retryDelayMs(attempts) },
    });
    this.#worker.on('error', onProblem);
  }

  start(): void {
    this.#outbox.start();
    this.#worker.run().catch((error: unknown) => this.#options.onProblem?.(error as Error));
  }

  /** Queues a test message without an event. @returns its id @throws webhook_not_found */
  async test(runId: string): Promise<string> {
    await this.#target(runId);
    const id = `test-${ulid()}`;
    await guarded(() => this.queue.add('test', { runId }, { jobId: id, attempts: 1 }));
    return id;
  }

  /** The recorded delivery attempts of a run, newest first. */
  async deliveries(runId: string, limit: number): Promise<WebhookDelivery[]> {
    const lines = await guarded(() => this.#redis.lrange(this.#keys.deliveries(runId), 0, limit - 1));
    return lines.map((line) => JSON.parse(line) as WebhookDelivery);
  }

  async #enqueue({ runId, event }: OutboxEntry): Promise<void> {
    // The id makes this idempotent: an entry that is read twice adds one job.
    await this.queue.add('event', { runId, event }, { jobId: `${runId}-${event.id}` });
  }

  async #target(runId: string): Promise<WebhookTarget> {
    const text = await guarded(() => this.#redis.hget(this.#keys.run(runId), '_webhook'));
    if (text !== null) return JSON.parse(text) as WebhookTarget;
    throw new StylographError(
      'webhook_not_found',
      `Run ${runId} has no webhook, or its receiver returned 410 Gone. Set a webhook when you start a run.`,
    );
  }

  async #deliver(job: Job<JobData>): Promise<void> {
    const { runId, event } = job.data;
    const hash = await this.#redis.hgetall(this.#keys.run(runId));
    const record = parseRecord(runId, hash);
    // The run was removed after the job was queued, or the receiver returned 410 Gone.
    if (record === undefined || hash._webhook === undefined) return;
    const { url, secret } = JSON.parse(hash._webhook) as WebhookTarget;
    const { id, name, state, preset, dataset, tags, modelId, error } = record;
    const type = event === undefined ? 'test' : `run.${event.type}`;
    const body = JSON.stringify({
      type,
      timestamp: new Date(event === undefined ? job.timestamp : Number.parseInt(event.id, 10)).toISOString(),
      data: {
        run: { id, name, state, preset, dataset, tags, modelId, error, href: `/runs/${id}` },
        ...(event && { event }),
      },
    });
    const startedAt = performance.now();
    const outcome = await this.#options.send({ id: job.id!, url, secret, body }).then(
      (status) => ({
        status,
        problem: status >= 200 && status < 300 ? null : `the receiver returned status ${status}`,
      }),
      (problem: Error) => ({ status: null, problem: problem.message, code: errorCodeOf(problem) }),
    );
    await this.#recordAttempt(job, type, outcome, performance.now() - startedAt);
  }

  /** Records the result of an attempt. @throws an error for a failed attempt, so that BullMQ retries it */
  async #recordAttempt(
    job: Job<JobData>,
    type: string,
    { status, problem, code }: { status: number | null; problem: string | null; code?: string | undefined },
    ms: number,
  ): Promise<void> {
    const attempt = job.attemptsMade + 1;
    // A forbidden address stays forbidden, so a retry would fail too.
    const isFinal = attempt >= (job.opts.attempts ?? 1) || status === GONE || code === 'webhook_refused';
    const delivery: WebhookDelivery = {
      id: job.id!,
      type,
      attempt,
      at: new Date().toISOString(),
      milliseconds: Math.round(ms),
      status,
      outcome: problem === null ? 'delivered' : isFinal ? 'failed' : 'retrying',
      error: problem,
    };
    this.#options.onAttempt?.(delivery.outcome);
    const { runId } = job.data;
    await RECORD_DELIVERY.run(this.#redis, runKeys(this.#keys, runId), {
      delivery: JSON.stringify(delivery),
      keep: MAX_RECORDED,
    });
    if (status === GONE) await this.#redis.hdel(this.#keys.run(runId), '_hooked', '_webhook');
    if (problem === null) return;
    if (isFinal) throw new UnrecoverableError(problem);
    throw new Error(problem);
  }

  /** @param attempts number of attempts so far */
  #retryDelayMs(attempts: number): number {
    const seconds = this.#retrySeconds[Math.min(attempts, this.#retrySeconds.length) - 1] ?? 0;
    return Math.round(seconds * 1000 * (0.8 + 0.4 * Math.random()));
  }

  async close(): Promise<void> {
    await this.#outbox.close();
    // While Redis is away, closing must not wait for the jobs in progress. Another server's worker retries them.
    const isAway = this.#redis.status !== 'ready';
    await Promise.race([
      this.#worker.close(isAway),
      new Promise((resolve) => setTimeout(resolve, 5_000).unref()),
    ]);
    await this.queue.close();
    this.#redis.disconnect();
  }
}
