import { randomUUID } from 'node:crypto';
import type { Queue, Telemetry } from 'bullmq';
import type { Redis } from 'ioredis';
import { newRunId, type Page, RunId } from '../../core/contracts/common.ts';
import type { EngineFacts } from '../../core/contracts/engine.ts';
import { isFinished, type RunRecord, type RunState } from '../../core/contracts/run.ts';
import type { WebhookTarget } from '../../core/contracts/webhook.ts';
import { invalidField, StylographError } from '../../core/errors.ts';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { checkOutcome, fenceLost, isUnfinished, runNotFound } from '../machine/errors.ts';
import { moveRun, stateKeys } from '../machine/moves.ts';
import { BEGIN_PUBLISHING, CRASHED, CREATE, PATCH, REMOVE, TAKE } from '../machine/scripts.ts';
import { type Moves, REQUESTS, type RunRequestKind, TRANSITIONS } from '../machine/states.ts';
import { type JobData, RunJobs } from './jobs.ts';
import {
  freshRecord,
  type NewRun,
  parseRecord,
  patchArguments,
  type RunPatch,
  webhookArguments,
} from './records.ts';

const IDEMPOTENCY_SECONDS = 86_400;
const DEFAULT_QUEUE_LIMIT = 100;
const ENGINE_SECONDS = 30;
const COUNT_AT_ONCE = 1_000;
const QUEUE_RETRY_SECONDS = 30;

export type { NewRun };

export interface RunStoreOptions {
  /** Runs that may wait for a worker. */
  queueLimit?: number;
  /** Passes traces on with jobs. */
  telemetry?: Telemetry | undefined;
}

export interface CreateOptions {
  /** The same key with the same body answers with the run it created first. Kept for 24 hours. */
  idempotency?: { key: string; bodyDigest: string } | undefined;
  /** Where what the run tells is sent. */
  webhook?: WebhookTarget | undefined;
}

export interface Created {
  run: RunRecord;
  /** The idempotency key had created it before. */
  replayed: boolean;
  /** Of the run's webhook, if it has one; nothing else tells it. */
  webhookSecret?: string | undefined;
}

export type Stop = { runId: string; reason: 'cancel' | 'pause' };

/** Run records and what may be asked of them. Every method throws redis_unavailable while Redis is away. */
export class RunStore {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #jobs: RunJobs;
  readonly #queueLimit: number;

  constructor(
    redis: Redis,
    keys: Keys,
    { queueLimit = DEFAULT_QUEUE_LIMIT, telemetry }: RunStoreOptions = {},
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queueLimit = queueLimit;
    this.#jobs = new RunJobs(redis, keys, telemetry);
  }

  /** BullMQ's queue, for the operators' view of it. */
  get queue(): Queue {
    return this.#jobs.queue;
  }

  /**
   * Records a run and enqueues it.
   * @throws queue_full, idempotency_conflict
   */
  async create(run: NewRun, options: CreateOptions = {}): Promise<Created> {
    const id = newRunId();
    const { idempotency, webhook } = options;
    const fields = patchArguments(freshRecord(run));
    if (webhook) fields.push(...webhookArguments(webhook, this.#keys.outbox));
    const [outcome, detail] = (await CREATE.run(
      this.#redis,
      [...stateKeys(this.#keys, id), this.#keys.runs, this.#keys.idempotency(idempotency?.key ?? '')],
      [
        id,
        this.#queueLimit,
        idempotency?.bodyDigest ?? '',
        IDEMPOTENCY_SECONDS,
        this.#keys.run(''),
        // A field that is absent need not be removed from a run that does not exist yet.
        ...fields,
      ],
    )) as [string, string];
    if (outcome === 'full') {
      throw new StylographError(
        'queue_full',
        `${detail} runs are waiting already, the most there may be; cancel some or try again later.`,
        { retryAfter: QUEUE_RETRY_SECONDS },
      );
    }
    if (outcome === 'conflict') {
      throw new StylographError(
        'idempotency_conflict',
        `This Idempotency-Key created ${detail} from another body; use a fresh key for another run.`,
      );
    }
    // Should this fail, the run is on record all the same, and a worker that finds it without a job adds one.
    if (outcome === 'created') await this.#jobs.ensure(id).catch(() => undefined);
    return {
      run: await this.get(detail),
      replayed: outcome === 'replayed',
      webhookSecret: await this.#webhookSecret(detail),
    };
  }

  async #webhookSecret(id: string): Promise<string | undefined> {
    const text = await guarded(() => this.#redis.hget(this.#keys.run(id), '_webhook'));
    return text === null ? undefined : (JSON.parse(text) as WebhookTarget).secret;
  }

  /** @throws run_not_found */
  async get(id: string): Promise<RunRecord> {
    const record = RunId.safeParse(id).success
      ? parseRecord(id, await guarded(() => this.#redis.hgetall(this.#keys.run(id))))
      : undefined;
    if (record === undefined) throw runNotFound(id);
    return record;
  }

  /** Newest first. `cursor` is a former page's `nextCursor`. @throws validation_failed for another cursor */
  async list(options: { limit: number; cursor?: string | undefined }): Promise<Page<RunRecord>> {
    const { limit, cursor } = options;
    if (cursor !== undefined && !RunId.safeParse(cursor).success) {
      const message = 'must be the nextCursor of the page before';
      throw invalidField('query.cursor', message, 'The cursor is not one that GET /runs gave out.');
    }
    const ids = await guarded(() =>
      this.#redis.zrevrangebylex(
        this.#keys.runs,
        cursor === undefined ? '+' : `(${cursor}`,
        '-',
        'LIMIT',
        0,
        limit + 1,
      ),
    );
    const page = ids.slice(0, limit);
    const hashes = await guarded(() =>
      Promise.all(page.map((id) => this.#redis.hgetall(this.#keys.run(id)))),
    );
    const items = page.flatMap((id, i) => parseRecord(id, hashes[i]!) ?? []);
    return { items, nextCursor: ids.length > limit ? page.at(-1)! : null };
  }

  /** Keeps what a run's process told of itself, for a moment. */
  async noteEngine(id: string, facts: EngineFacts): Promise<void> {
    await guarded(() => this.#redis.set(this.#keys.engine(id), JSON.stringify(facts), 'EX', ENGINE_SECONDS));
  }

  /** Runs that are neither finished nor paused, with what the process of each told last. */
  async live(): Promise<{ run: RunRecord; engine: EngineFacts | undefined }[]> {
    const ids = await guarded(() => this.#redis.smembers(this.#keys.live));
    const found = ids.map(async (id) => {
      const [hash, facts] = await guarded(() =>
        Promise.all([this.#redis.hgetall(this.#keys.run(id)), this.#redis.get(this.#keys.engine(id))]),
      );
      const run = parseRecord(id, hash);
      const engine = facts === null ? undefined : (JSON.parse(facts) as EngineFacts);
      return run === undefined ? [] : [{ run, engine }];
    });
    return (await Promise.all(found)).flat();
  }

  /** How many runs are in each state. */
  async countByState(): Promise<Partial<Record<RunState, number>>> {
    const ids = await guarded(() => this.#redis.zrange(this.#keys.runs, '0', '-1'));
    const counts: Partial<Record<RunState, number>> = {};
    for (let from = 0; from < ids.length; from += COUNT_AT_ONCE) {
      const states = await guarded(() =>
        Promise.all(
          ids.slice(from, from + COUNT_AT_ONCE).map((id) => this.#redis.hget(this.#keys.run(id), 'state')),
        ),
      );
      for (const state of states as (RunState | null)[]) if (state) counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  /** How many runs wait for a worker. */
  async countQueued(): Promise<number> {
    return await guarded(() => this.#redis.scard(this.#keys.queued));
  }

  /**
   * Moves a run from one of some states to another, writes the patch and tells the `state` event (and `end` when
   * it is finished), all in one step. With a fence, only for the worker that holds it.
   * @throws run_not_found, invalid_state, fence_lost
   */
  async transition(
    id: string,
    from: readonly RunState[],
    to: RunState,
    options: { patch?: RunPatch; fence?: number } = {},
  ): Promise<RunRecord> {
    const forbidden = from.filter((state) => !TRANSITIONS[state].includes(to));
    if (forbidden.length > 0) throw new TypeError(`a run never goes from ${forbidden} to ${to}`);
    const moves = Object.fromEntries(from.map((state) => [state, to]));
    await moveRun(this.#redis, this.#keys, id, moves, { ...options, verb: `become ${to}` });
    return await this.get(id);
  }

  /** Writes fields of the record on behalf of the run's worker. @throws run_not_found, fence_lost */
  async patch(id: string, fence: number, patch: RunPatch): Promise<void> {
    const [outcome] = (await PATCH.run(
      this.#redis,
      [this.#keys.run(id)],
      [fence, ...patchArguments(patch)],
    )) as [string];
    checkOutcome(id, outcome);
  }

  /**
   * What a user asks: `cancel`, `pause` or `resume`. The record tells at once; the worker, if one is at it, follows.
   * @throws run_not_found, invalid_state
   */
  async request(id: string, kind: RunRequestKind): Promise<RunRecord> {
    const resume = kind === 'resume';
    const { to, from } = await moveRun(this.#redis, this.#keys, id, REQUESTS[kind], {
      verb: kind,
      unlessPublishing: !resume,
      patch: resume ? { error: undefined } : {},
    });
    if (resume) await this.#jobs.ensure(id);
    else if (from === 'queued') await this.#jobs.remove(id);
    else if (to !== 'cancelled') {
      const stop: Stop = { runId: id, reason: kind };
      await guarded(() => this.#redis.publish(this.#keys.stops, JSON.stringify(stop)));
    }
    return await this.get(id);
  }

  /**
   * Removes a finished run: first what `removeFiles` removes, then record and events, so that whoever asks again after
   * a failure in between finds the run and finishes. @throws run_not_found, invalid_state, whatever `removeFiles` throws
   */
  async remove(id: string, removeFiles: () => Promise<void> = async () => undefined): Promise<void> {
    const { state } = await this.get(id);
    // It stays finished: no state follows.
    if (!isFinished(state)) throw isUnfinished(id, state);
    await removeFiles();
    const { run, events, marks, metrics, deliveries, runs } = this.#keys;
    const [outcome, now] = (await REMOVE.run(
      this.#redis,
      [run(id), events(id), marks(id), metrics(id), deliveries(id), runs],
      [id],
    )) as [string, string];
    // Somebody else who removed it at the same time, or this call before its answer was lost, was first.
    if (outcome === 'state') throw isUnfinished(id, now);
  }

  // ---- What a worker does --------------------------------------------------------------------------------

  /**
   * Makes the caller the run's owner: the fence that every later write must show. Undefined when there is nothing
   * to do: the run is finished, paused or gone, or this is not its current job.
   */
  async take({ runId, number }: JobData): Promise<number | undefined> {
    const [outcome, fence] = (await TAKE.run(this.#redis, stateKeys(this.#keys, runId), [
      runId,
      number,
      JSON.stringify(new Date().toISOString()),
      randomUUID(),
    ])) as [string, number];
    return outcome === 'taken' ? fence : undefined;
  }

  /** The token of the run's present owner; 0 before any. */
  async fence(id: string): Promise<number> {
    return Number(await guarded(() => this.#redis.hget(this.#keys.run(id), 'fence')));
  }

  /** @throws fence_lost when another worker owns the run now. */
  async checkFence(id: string, fence: number): Promise<void> {
    if ((await this.fence(id)) !== fence) throw fenceLost(id);
  }

  /** Counts a crash; the count starts again with every checkpoint. @throws fence_lost */
  async countCrash(id: string, fence: number): Promise<number> {
    const [outcome, count] = (await CRASHED.run(
      this.#redis,
      [this.#keys.run(id)],
      [fence, randomUUID()],
    )) as [string, number];
    checkOutcome(id, outcome);
    return count;
  }

  /**
   * The id under which the run publishes; the same after a crash. From here on it can be neither paused nor
   * cancelled. Undefined when that was asked before. @throws fence_lost
   */
  async beginPublishing(id: string, fence: number, freshModelId: string): Promise<string | undefined> {
    const [outcome, modelId] = (await BEGIN_PUBLISHING.run(
      this.#redis,
      [this.#keys.run(id)],
      [fence, freshModelId],
    )) as [string, string];
    checkOutcome(id, outcome);
    return outcome === 'publish' ? modelId : undefined;
  }

  /**
   * Ends a worker's work on a run: to the state that its present one asks for, which a user may have changed a
   * moment ago. One that is queued again is taken before those that never started.
   * @throws fence_lost, invalid_state
   */
  async settle(id: string, fence: number, moves: Moves, patch: RunPatch = {}): Promise<RunState> {
    const { to } = await moveRun(this.#redis, this.#keys, id, moves, { fence, patch, verb: 'end so' });
    if (to === 'queued') await this.#jobs.ensure(id, { first: true });
    return to;
  }

  /** Gives every unfinished run a job that lost its own between two steps of a killed process. */
  async reconcile(): Promise<void> {
    for (const id of await guarded(() => this.#redis.smembers(this.#keys.live))) await this.#jobs.ensure(id);
  }

  async close(): Promise<void> {
    await this.#jobs.close();
  }
}
