import type { Redis } from 'ioredis';
import { type Page, RunId } from '../../core/contracts/common.ts';
import type { EngineFacts } from '../../core/contracts/engine.ts';
import type { RunRecord, RunState } from '../../core/contracts/run.ts';
import { invalidField } from '../../core/errors.ts';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { runNotFound } from '../machine/errors.ts';
import { parseRecord } from './records.ts';

const COUNT_AT_ONCE = 1_000;

/** The records of runs, to read. Every method throws redis_unavailable while Redis is away. */
export class RunReader {
  protected readonly redis: Redis;
  protected readonly keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.redis = redis;
    this.keys = keys;
  }

  /** @throws run_not_found */
  async get(id: string): Promise<RunRecord> {
    const record = RunId.safeParse(id).success
      ? parseRecord(id, await guarded(() => this.redis.hgetall(this.keys.run(id))))
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
    const first = cursor === undefined ? '+' : `(${cursor}`;
    const ids = await guarded(() =>
      this.redis.zrevrangebylex(this.keys.runs, first, '-', 'LIMIT', 0, limit + 1),
    );
    const page = ids.slice(0, limit);
    const hashes = await guarded(() => Promise.all(page.map((id) => this.redis.hgetall(this.keys.run(id)))));
    const items = page.flatMap((id, i) => parseRecord(id, hashes[i]!) ?? []);
    return { items, nextCursor: ids.length > limit ? page.at(-1)! : null };
  }

  /** Runs that are neither finished nor paused, with the newest facts from the process of each. */
  async live(): Promise<{ run: RunRecord; engine: EngineFacts | undefined }[]> {
    const ids = await guarded(() => this.redis.smembers(this.keys.live));
    const found = ids.map(async (id) => {
      const [hash, facts] = await guarded(() =>
        Promise.all([this.redis.hgetall(this.keys.run(id)), this.redis.get(this.keys.engine(id))]),
      );
      const run = parseRecord(id, hash);
      const engine = facts === null ? undefined : (JSON.parse(facts) as EngineFacts);
      return run === undefined ? [] : [{ run, engine }];
    });
    return (await Promise.all(found)).flat();
  }

  /** How many runs are in each state. */
  async countByState(): Promise<Partial<Record<RunState, number>>> {
    const ids = await guarded(() => this.redis.zrange(this.keys.runs, '0', '-1'));
    const counts: Partial<Record<RunState, number>> = {};
    for (let from = 0; from < ids.length; from += COUNT_AT_ONCE) {
      const some = ids.slice(from, from + COUNT_AT_ONCE);
      const states = await guarded(() =>
        Promise.all(some.map((id) => this.redis.hget(this.keys.run(id), 'state'))),
      );
      for (const state of states as (RunState | null)[]) if (state) counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  /** How many runs wait for a worker. */
  async countQueued(): Promise<number> {
    return await guarded(() => this.redis.scard(this.keys.queued));
  }

  /** The token of the run's present owner; 0 before any. */
  async fence(id: string): Promise<number> {
    return Number(await guarded(() => this.redis.hget(this.keys.run(id), 'fence')));
  }
}
