import { randomUUID } from 'node:crypto';
import type { Queue, Telemetry } from 'bullmq';
import type { Redis } from 'ioredis';
import { newRunId, RunId } from '../../core/contracts/common.ts';
import type { EngineFacts } from '../../core/contracts/engine.ts';
import { isFinished, type RunRecord, type RunState } from '../../core/contracts/run.ts';
import type { WebhookTarget } from '../../core/contracts/webhook.ts';
import { errorCodeOf } from '../../core/errors.ts';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import {
  cannotMove,
  checkOutcome,
  fenceLost,
  idempotencyConflict,
  isPublishing,
  isUnfinished,
  queueFull,
  runNotFound,
} from '../machine/errors.ts';
import { type Moves, OUTCOMES, type OutcomeKind, REQUESTS, type RunRequestKind } from '../machine/states.ts';
import { type JobData, RunJobs } from './jobs.ts';
import { encodePatch, encodeWebhook, freshRecord, type NewRun, type RunPatch } from './records.ts';
import { RunReader } from './run-reader.ts';
import { BEGIN_PUBLISHING, COUNT_CRASH, CREATE, MOVE, PATCH, REMOVE, runKeys, TAKE } from './scripts.ts';

const IDEMPOTENCY_SECONDS = 86_400;
const DEFAULT_QUEUE_LIMIT = 100;
const ENGINE_SECONDS = 30;

export interface RunStoreOptions {
  /** The most runs that may wait for a worker. */
  queueLimit?: number;
  /** Passes traces on with jobs. */
  telemetry?: Telemetry | undefined;
}

export interface CreateOptions {
  /** The same key with the same body answers with the run that it created first. Kept for 24 hours. */
  idempotency?: { key: string; bodyDigest: string } | undefined;
  /** Where the run's events are sent. */
  webhook?: WebhookTarget | undefined;
}

export interface Created {
  run: RunRecord;
  /** The idempotency key had created it before. */
  replayed: boolean;
  /** Of the run's webhook, if it has one. No later answer contains it. */
  webhookSecret?: string | undefined;
}

export type Stop = { runId: string; reason: 'cancel' | 'pause' };

interface MoveOptions {
  /** What the move is called in an error: "cannot …". */
  verb: string;
  patch?: RunPatch;
  /** Only for the worker that holds this fence. */
  fence?: number;
  /** Refused from the moment the run publishes its model. */
  unlessPublishing?: boolean;
  /** Takes the run from its owner. */
  revoke?: boolean;
}

/**
 * Changes to runs, each one script: create, user requests, and the steps of a worker. Every method throws
 * redis_unavailable while Redis is away.
 */
export class RunStore extends RunReader {
  readonly #jobs: RunJobs;
  readonly #queueLimit: number;

  constructor(
    redis: Redis,
    keys: Keys,
    { queueLimit = DEFAULT_QUEUE_LIMIT, telemetry }: RunStoreOptions = {},
  ) {
    super(redis, keys);
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
  async create(run: NewRun, { idempotency, webhook }: CreateOptions = {}): Promise<Created> {
    const id = newRunId();
    const fields = encodePatch(freshRecord(run));
    if (webhook) Object.assign(fields, encodeWebhook(webhook, this.keys.outbox));
    const [outcome, detail] = await CREATE.run(
      this.redis,
      { ...runKeys(this.keys, id), idempotency: this.keys.idempotency(idempotency?.key ?? '') },
      {
        id,
        limit: this.#queueLimit,
        bodyDigest: idempotency?.bodyDigest,
        keepSeconds: IDEMPOTENCY_SECONDS,
        runPrefix: this.keys.run(''),
        patch: JSON.stringify(fields),
      },
    );
    if (outcome === 'full') throw queueFull(detail);
    if (outcome === 'conflict') throw idempotencyConflict(detail);
    // If this fails, the run is recorded all the same, and a worker that finds it without a job adds one.
    if (outcome === 'created') await this.#jobs.ensure(id).catch(() => undefined);
    return {
      run: await this.get(detail),
      replayed: outcome === 'replayed',
      webhookSecret: await this.#webhookSecret(detail),
    };
  }

  async #webhookSecret(id: string): Promise<string | undefined> {
    const text = await guarded(() => this.redis.hget(this.keys.run(id), '_webhook'));
    return text === null ? undefined : (JSON.parse(text) as WebhookTarget).secret;
  }

  /** Moves a run, writes the patch and publishes the events, all in one step. @throws run_not_found, invalid_state, fence_lost */
  async #move(
    id: string,
    moves: Moves,
    { verb, patch = {}, fence, unlessPublishing, revoke }: MoveOptions,
  ): Promise<{ to: RunState; from: RunState }> {
    if (!RunId.safeParse(id).success) throw runNotFound(id);
    const answer = await MOVE.run(this.redis, runKeys(this.keys, id), {
      id,
      fence,
      moves: JSON.stringify(moves),
      unlessPublishing: unlessPublishing ? '1' : '',
      revoke: revoke ? '1' : '',
      patch: JSON.stringify(encodePatch(patch)),
      now: JSON.stringify(new Date().toISOString()),
      token: randomUUID(),
    });
    if (answer[0] === 'moved') return { to: answer[1], from: answer[2] };
    if (answer[0] === 'publishing') throw isPublishing(id, verb);
    if (answer[0] === 'state') throw cannotMove(id, answer[1], moves, verb);
    throw answer[0] === 'missing' ? runNotFound(id) : fenceLost(id);
  }

  /**
   * Carries out what a user asks. The record changes at once; the worker that trains the run follows.
   * @throws run_not_found, invalid_state
   */
  async request(id: string, kind: RunRequestKind): Promise<RunRecord> {
    const isResume = kind === 'resume';
    const { to, from } = await this.#move(id, REQUESTS[kind], {
      verb: kind,
      unlessPublishing: !isResume,
      patch: isResume ? { error: undefined } : {},
    });
    if (isResume) await this.#jobs.ensure(id);
    else if (from === 'queued') await this.#jobs.remove(id);
    else if (to !== 'cancelled') {
      const stop: Stop = { runId: id, reason: kind };
      await guarded(() => this.redis.publish(this.keys.stops, JSON.stringify(stop)));
    }
    return await this.get(id);
  }

  /**
   * Removes a finished run: first its files, then record and events, so that a call after a failure in between finds
   * the run and completes. @throws run_not_found, invalid_state, and the errors of `removeFiles`
   */
  async remove(id: string, removeFiles: () => Promise<void> = async () => undefined): Promise<void> {
    const { state } = await this.get(id);
    // It stays finished: no state follows.
    if (!isFinished(state)) throw isUnfinished(id, state);
    await removeFiles();
    const [outcome, now] = await REMOVE.run(this.redis, runKeys(this.keys, id), { id });
    // `missing` is success: another call removed it, or this one did before its answer was lost.
    if (outcome === 'state') throw isUnfinished(id, now);
  }

  // ---- The steps of a worker -----------------------------------------------------------------------------

  /**
   * Makes the caller the run's owner. The fence it gets must come with every later write. Undefined when there is
   * nothing to do: the run is finished, paused or removed, or this is not its current job.
   */
  async take({ runId, number }: JobData): Promise<number | undefined> {
    const [outcome, fence] = await this.#take(runId, { job: number, owner: undefined });
    return outcome === 'taken' ? fence : undefined;
  }

  /**
   * The same for a command, which trains a run that waits without its job.
   * @param owner names the command's process, for `pauseAbandoned`
   * @throws run_not_found, invalid_state
   */
  async takeForCommand(id: string, owner: string): Promise<number> {
    const answer = await this.#take(id, { job: undefined, owner });
    if (answer[0] === 'state') throw cannotMove(id, answer[1], { queued: 'running' }, 'be trained');
    if (answer[0] !== 'taken') throw runNotFound(id);
    await this.#jobs.remove(id);
    return answer[1];
  }

  async #take(id: string, by: { job: number | undefined; owner: string | undefined }) {
    return await TAKE.run(this.redis, runKeys(this.keys, id), {
      id,
      ...by,
      now: JSON.stringify(new Date().toISOString()),
      token: randomUUID(),
    });
  }

  /**
   * Pauses the runs whose command was killed while it trained them.
   * @param isAlive whether the process of `takeForCommand` lives
   */
  async pauseAbandoned(isAlive: (owner: string) => boolean): Promise<void> {
    for (const id of await guarded(() => this.redis.smembers(this.keys.live))) {
      const [state, owner, fence] = await guarded(() =>
        this.redis.hmget(this.keys.run(id), 'state', '_owner', 'fence'),
      );
      if (owner == null || !(state! in OUTCOMES.blocked) || isAlive(owner)) continue;
      const message = `The process that trained it (${owner.split(' ')[0]}) ended without a report; resume it from its last checkpoint.`;
      const patch = { error: { code: 'child_died', message } };
      await this.#move(id, OUTCOMES.blocked, {
        fence: Number(fence),
        verb: 'be paused',
        patch,
        revoke: true,
      }).catch((error: unknown) => {
        // Another process did the same, or took the run.
        if (errorCodeOf(error) !== 'fence_lost' && errorCodeOf(error) !== 'invalid_state') throw error;
      });
    }
  }

  /** @throws fence_lost when another worker owns the run now */
  async checkFence(id: string, fence: number): Promise<void> {
    if ((await this.fence(id)) !== fence) throw fenceLost(id);
  }

  /** Writes fields of the record. @throws run_not_found, fence_lost */
  async patch(id: string, fence: number, patch: RunPatch): Promise<void> {
    const [outcome] = await PATCH.run(this.redis, runKeys(this.keys, id), {
      fence,
      patch: JSON.stringify(encodePatch(patch)),
    });
    checkOutcome(id, outcome);
  }

  /** Keeps what a run's process reports about itself, for half a minute. */
  async noteEngine(id: string, facts: EngineFacts): Promise<void> {
    await guarded(() => this.redis.set(this.keys.engine(id), JSON.stringify(facts), 'EX', ENGINE_SECONDS));
  }

  /** Counts a crash; every checkpoint resets the count. @throws fence_lost */
  async countCrash(id: string, fence: number): Promise<number> {
    const [outcome, count] = await COUNT_CRASH.run(this.redis, runKeys(this.keys, id), {
      fence,
      token: randomUUID(),
    });
    checkOutcome(id, outcome);
    return count as number;
  }

  /**
   * The id under which the run publishes; the same after a crash. From here on it can be neither paused nor
   * cancelled. Undefined when that was asked before. @throws fence_lost
   */
  async beginPublishing(id: string, fence: number, freshModelId: string): Promise<string | undefined> {
    const [outcome, modelId] = await BEGIN_PUBLISHING.run(this.redis, runKeys(this.keys, id), {
      fence,
      freshModelId,
    });
    checkOutcome(id, outcome);
    return outcome === 'publish' ? modelId : undefined;
  }

  /**
   * Ends the owner's work on a run: to the state that OUTCOMES gives for its present one, which a user may have
   * changed a moment ago. A run that is queued again comes before those that never started.
   * @throws fence_lost, invalid_state
   */
  async settle(id: string, fence: number, outcome: OutcomeKind, patch: RunPatch = {}): Promise<RunState> {
    const { to } = await this.#move(id, OUTCOMES[outcome], { fence, patch, verb: 'end so' });
    if (to === 'queued') await this.#jobs.ensure(id, { first: true });
    return to;
  }

  /** Adds the job of every unfinished run that lost its own between two steps of a killed process. */
  async reconcile(): Promise<void> {
    for (const id of await guarded(() => this.redis.smembers(this.keys.live))) await this.#jobs.ensure(id);
  }

  async close(): Promise<void> {
    await this.#jobs.close();
  }
}
