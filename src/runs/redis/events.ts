import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { EventId, type RunEvent, type RunEventBody } from '../../core/contracts/run.ts';
import { invalidField } from '../../core/errors.ts';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { checkOutcome } from '../machine/errors.ts';
import { APPEND, runKeys } from './scripts.ts';

export const STREAM_START = '0-0';

/** Compares two event ids of the form `<time>-<count>`. */
export function compareIds(a: string, b: string): number {
  const [aTime, aCount] = a.split('-').map(BigInt) as [bigint, bigint];
  const [bTime, bCount] = b.split('-').map(BigInt) as [bigint, bigint];
  const difference = aTime === bTime ? aCount - bCount : aTime - bTime;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** @throws validation_failed for a malformed event id */
export function checkEventId(id: string): void {
  const parsed = EventId.safeParse(id);
  if (parsed.success) return;
  throw invalidField('query.after', parsed.error.issues[0]!.message, `"${id}" is not an event id.`);
}

/**
 * A resumed run repeats the iterations after its checkpoint, and marks prevent duplicate events. An event with a mark is
 * appended only if its iteration is higher than the last one under this mark. Without a mark it is always appended.
 */
export function markOf({ type, data }: RunEventBody): { mark: string; iteration: number | '' } {
  switch (type) {
    case 'sample':
      return { mark: `sample:${data.figure.replace(/-\d+\.\w+$/, '')}`, iteration: data.iteration };
    case 'metrics':
    case 'validation':
    case 'checkpoint':
      return { mark: type, iteration: data.iteration };
    case 'evaluation':
      return { mark: `evaluation:${data.modelDigest}`, iteration: 0 };
    case 'diagnosis':
      return { mark: `diagnosis:${data.code}:${data.severity}`, iteration: 0 };
    case 'log':
      return { mark: `log:${data.message}`, iteration: 0 };
    default:
      return { mark: '', iteration: '' };
  }
}

/** Record fields that hold a copy of the newest event of a type. */
export const RECORD_FIELD: Partial<Record<RunEventBody['type'], 'progress' | 'metrics' | 'evaluation'>> = {
  progress: 'progress',
  metrics: 'metrics',
  evaluation: 'evaluation',
};

/** A stream entry as Redis returns it: the id, then alternating field names and values. */
export type StreamEntry = [id: string, fields: string[]];

export function parseEntry([id, fields]: StreamEntry): RunEvent {
  const value = (name: string): string => fields[fields.indexOf(name) + 1]!;
  return { id, type: value('type'), data: JSON.parse(value('data')) as RunEvent['data'] };
}

export interface ReadOptions {
  /** Only events after this one. */
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
   * Checks the fence and the mark, updates the record and appends the event, all in one atomic script.
   * @returns its id, or null if it is a duplicate
   * @throws fence_lost, run_not_found
   */
  async append(runId: string, fence: number, body: RunEventBody): Promise<string | null> {
    const [outcome, id] = await APPEND.run(this.#redis, runKeys(this.#keys, runId), {
      fence,
      kind: body.type,
      data: JSON.stringify(body.data),
      ...markOf(body),
      field: RECORD_FIELD[body.type],
      token: randomUUID(),
    });
    checkOutcome(runId, outcome);
    return outcome === 'appended' ? id : null;
  }

  /** Events in order. @throws validation_failed when `after` is malformed */
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

  /** The newest event, if any. */
  async newest(runId: string): Promise<RunEvent | undefined> {
    const [entry] = await guarded(() =>
      this.#redis.xrevrange(this.#keys.events(runId), '+', '-', 'COUNT', 1),
    );
    return entry && parseEntry(entry);
  }

  /** Whether a reader can continue after this id. If not, it first needs a snapshot of the run. */
  async knows(runId: string, id: string): Promise<boolean> {
    checkEventId(id);
    return id === STREAM_START || (await this.range(runId, id, id, 1)).length > 0;
  }
}
