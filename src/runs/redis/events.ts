import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RunEvent, RunEventBody } from '../../core/contracts/run.ts';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { checkOutcome } from '../machine/errors.ts';
import { APPEND } from '../machine/scripts.ts';
import { checkEventId, markOf, RECORD_FIELD, STREAM_START } from './event-ids.ts';

/** A stream's entry as Redis gives it: its id, then fields and values in turns. */
export type StreamEntry = [id: string, fields: string[]];

export function parseEntry([id, fields]: StreamEntry): RunEvent {
  const value = (name: string): string => fields[fields.indexOf(name) + 1]!;
  return { id, type: value('type'), data: JSON.parse(value('data')) as RunEvent['data'] };
}

export interface ReadOptions {
  /** Only what came after this event. */
  after?: string | undefined;
  limit: number;
}

/** The durable events of runs. Every method throws redis_unavailable while Redis is away. */
export class RunEvents {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * Tells an event in one step: fence, high-water mark, the record's copy, the stream.
   * @returns its id, or null when it had been told before.
   * @throws fence_lost, run_not_found
   */
  async append(runId: string, fence: number, body: RunEventBody): Promise<string | null> {
    const { run, events, marks, metrics } = this.#keys;
    const { mark, iteration } = markOf(body);
    const [outcome, id] = (await APPEND.run(
      this.#redis,
      [run(runId), events(runId), marks(runId), metrics(runId)],
      [
        fence,
        body.type,
        JSON.stringify(body.data),
        mark,
        iteration,
        RECORD_FIELD[body.type] ?? '',
        randomUUID(),
      ],
    )) as [string, string];
    checkOutcome(runId, outcome);
    return outcome === 'told' ? id : null;
  }

  /** Events in order. @throws validation_failed when `after` cannot be an event's id */
  async read(runId: string, { after = STREAM_START, limit }: ReadOptions): Promise<RunEvent[]> {
    checkEventId(after);
    return await this.range(runId, `(${after}`, '+', limit);
  }

  /** Events between two bounds in Redis's notation. */
  async range(runId: string, from: string, to: string, limit: number): Promise<RunEvent[]> {
    const entries = await guarded(() =>
      this.#redis.xrange(this.#keys.events(runId), from, to, 'COUNT', limit),
    );
    return entries.map(parseEntry);
  }

  /** The newest event, if there is one. */
  async newest(runId: string): Promise<RunEvent | undefined> {
    const [entry] = await guarded(() =>
      this.#redis.xrevrange(this.#keys.events(runId), '+', '-', 'COUNT', 1),
    );
    return entry && parseEntry(entry);
  }

  /** Whether a reader can go on after this id; when not, it needs a snapshot of the run first. */
  async knows(runId: string, id: string): Promise<boolean> {
    checkEventId(id);
    return id === STREAM_START || (await this.range(runId, id, id, 1)).length > 0;
  }
}
