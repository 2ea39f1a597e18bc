import type { Redis } from 'ioredis';
import { EventId, type RunEvent, type RunEventBody } from '../contracts/run.ts';
import { StylographError } from '../errors.ts';
import { guarded } from './connection.ts';
import type { Keys } from './keys.ts';
import { checkOutcome } from './moves.ts';
import { APPEND } from './scripts.ts';

/** A stream's entry as Redis gives it: its id, then fields and values in turns. */
export type StreamEntry = [id: string, fields: string[]];

export const STREAM_START = '0-0';

export function parseEntry([id, fields]: StreamEntry): RunEvent {
  const value = (name: string): string => fields[fields.indexOf(name) + 1]!;
  return { id, type: value('type'), data: JSON.parse(value('data')) as RunEvent['data'] };
}

/** Orders stream ids, which are two numbers. */
export function compareIds(a: string, b: string): number {
  const [aTime, aCount] = a.split('-').map(BigInt) as [bigint, bigint];
  const [bTime, bCount] = b.split('-').map(BigInt) as [bigint, bigint];
  const difference = aTime === bTime ? aCount - bCount : aTime - bTime;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** @throws validation_failed for what cannot be an event's id */
export function checkEventId(id: string): void {
  const parsed = EventId.safeParse(id);
  if (parsed.success) return;
  throw new StylographError('validation_failed', `"${id}" is not the id of an event.`, {
    errors: [{ path: 'query.after', message: parsed.error.issues[0]!.message }],
  });
}

/**
 * Events that are told once for every iteration, or once for all, though a resumed run computes some iterations
 * again: the mark under which the highest iteration told is kept.
 */
function markOf({ type, data }: RunEventBody): { mark: string; iteration: number | '' } {
  switch (type) {
    case 'sample':
      return { mark: `sample:${data.figure.replace(/-\d+\.\w+$/, '')}`, iteration: data.iteration };
    case 'metrics':
    case 'checkpoint':
      return { mark: type, iteration: data.iteration };
    case 'evaluation':
      return { mark: `evaluation:${data.modelDigest}`, iteration: 0 };
    case 'diagnosis':
      return { mark: `diagnosis:${data.code}:${data.severity}`, iteration: 0 };
    default:
      return { mark: '', iteration: '' };
  }
}

/** Fields of the record that repeat the newest event of a kind. */
const RECORD_FIELD: Partial<Record<RunEventBody['type'], string>> = {
  progress: 'progress',
  metrics: 'metrics',
  evaluation: 'evaluation',
};

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
      [fence, body.type, JSON.stringify(body.data), mark, iteration, RECORD_FIELD[body.type] ?? ''],
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
