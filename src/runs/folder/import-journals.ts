import { existsSync } from 'node:fs';
import { readdir, readFile, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { RunId } from '../../core/contracts/common.ts';
import {
  isFinished,
  type RunEvent,
  type RunEventBody,
  type RunRecord,
  type RunState,
} from '../../core/contracts/run.ts';
import { startTimeOf } from '../../platform/processes/proc.ts';
import { connectRedis, guarded, type RedisTarget } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { type Moves, OUTCOMES } from '../machine/states.ts';
import { markOf, RECORD_FIELD } from '../redis/events.ts';
import { encodePatch, type RunPatch } from '../redis/records.ts';
import { runKeys } from '../redis/scripts.ts';

/*
 * Former versions kept a run that the command line trained in a journal beside its checkpoints, not in Redis. A journal
 * is a file of JSON lines, each a request to the run; the state follows from the lines in their order.
 */

const JOURNAL = 'journal.jsonl';
const IMPORTED = 'journal.imported.jsonl';

interface Change {
  set: RunPatch;
  unset: string[];
}

/** The process that trained a run. */
interface Owner {
  pid: number;
  /** Its start time, as /proc gives it. */
  start: string;
  host: string;
}

type Line = { at: string } & (
  | { type: 'create'; record: RunRecord }
  | { type: 'take'; owner: Owner }
  | { type: 'event'; fence: number; body: RunEventBody }
  | { type: 'patch'; fence: number; change: Change }
  | { type: 'move'; moves: Moves; change: Change; fence?: number; unlessPublishing?: boolean }
  | { type: 'publish'; fence: number; modelId: string }
  /** The owner died. */
  | { type: 'lost'; fence: number; change: Change }
);

const AFTER_LOSS: Moves = OUTCOMES.blocked;

/** The run that a journal describes. */
class JournalledRun {
  record: RunRecord | undefined;
  readonly events: RunEvent[] = [];
  /** The highest iteration appended, per mark. */
  readonly marks = new Map<string, number>();
  fence = 0;
  owner: Owner | undefined;
  modelId: string | undefined;
  #publishing = false;
  /** Where the present line begins: the first part of the ids of its events. */
  #offset = 0;
  #count = 0;

  constructor(bytes: Buffer) {
    let start = 0;
    // What follows the last end of line was cut off by a crash, and so may a whole line be.
    for (let end = bytes.indexOf('\n'); end !== -1; end = bytes.indexOf('\n', start)) {
      const line = parseLine(bytes.toString('utf8', start, end));
      if (line) this.#apply(line, start);
      start = end + 1;
    }
    this.#offset = bytes.length;
  }

  #publish({ type, data }: RunEventBody): void {
    this.events.push({ id: `${this.#offset}-${this.#count++}`, type, data: data as RunEvent['data'] });
  }

  #enter(record: RunRecord, state: RunState, at: string): void {
    record.state = state;
    this.#publishing = false;
    this.#publish({ type: 'state', data: { state } });
    if (!isFinished(state)) return;
    record.finishedAt = at;
    this.#publish({ type: 'end', data: { state } });
  }

  #apply(line: Line, offset: number): void {
    this.#offset = offset;
    this.#count = 0;
    if (line.type === 'create') {
      this.record ??= line.record;
      this.#publish({ type: 'state', data: { state: line.record.state } });
      return;
    }
    const { record } = this;
    if (!record || ('fence' in line && line.fence !== undefined && line.fence !== this.fence)) return;
    if (line.type === 'take') {
      if (record.state !== 'queued') return;
      this.fence++;
      this.owner = line.owner;
      record.startedAt ??= line.at;
      this.#enter(record, 'running', line.at);
    } else if (line.type === 'event') this.#append(record, line.body);
    else if (line.type === 'patch') change(record, line.change);
    else if (line.type === 'publish') {
      if (record.state !== 'running') return;
      this.modelId ??= line.modelId;
      this.#publishing = true;
    } else if (line.type === 'move') {
      if (line.unlessPublishing && this.#publishing) return;
      this.#move(record, line.moves, line);
    } else {
      if (AFTER_LOSS[record.state]) this.fence++;
      this.#move(record, AFTER_LOSS, line);
    }
  }

  #move(record: RunRecord, moves: Moves, line: { change: Change; at: string }): void {
    const to = moves[record.state];
    if (to === undefined) return;
    if (to !== 'cancelled') change(record, line.change);
    this.#enter(record, to, line.at);
  }

  #append(record: RunRecord, body: RunEventBody): void {
    const { mark, iteration } = markOf(body);
    if (mark !== '') {
      if ((this.marks.get(mark) ?? Number.NEGATIVE_INFINITY) >= Number(iteration)) return;
      this.marks.set(mark, Number(iteration));
    }
    const field = RECORD_FIELD[body.type];
    if (field !== undefined) Object.assign(record, { [field]: body.data });
    if (body.type === 'diagnosis') record.diagnoses = [...(record.diagnoses ?? []), body.data];
    this.#publish(body);
  }

  /** Pauses the run if its process is gone. @returns whether the run is at rest */
  settle(): boolean {
    const { record, owner } = this;
    if (!record || AFTER_LOSS[record.state] === undefined) return true;
    if (owner && owner.host === hostname() && startTimeOf(owner.pid) === owner.start) return false;
    const message = `The process that trained it (${owner?.pid}) ended without a report; resume it from its last checkpoint.`;
    this.fence++;
    this.#count = 0;
    this.#move(record, AFTER_LOSS, {
      at: new Date().toISOString(),
      change: { set: { error: { code: 'child_died', message } }, unset: [] },
    });
    return true;
  }
}

function parseLine(text: string): Line | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}

function change(record: RunRecord, { set, unset }: Change): void {
  Object.assign(record, set);
  for (const field of unset) Reflect.deleteProperty(record, field);
}

/**
 * Writes the journalled runs of a data folder into its Redis, each in one transaction, and renames their journals.
 * A run that Redis knows, or that a living process still trains, stays as it is.
 */
export async function importJournals(dataDir: string, target: RedisTarget, keys: Keys): Promise<void> {
  const root = join(dataDir, 'runs');
  const ids = (existsSync(root) ? await readdir(root) : []).filter(
    (name) => RunId.safeParse(name).success && existsSync(join(root, name, JOURNAL)),
  );
  if (ids.length === 0) return;
  // A connection of its own, since it watches keys.
  const redis = connectRedis(target, 'patient');
  try {
    for (const id of ids) {
      const journal = join(root, id, JOURNAL);
      const run = new JournalledRun(await readFile(journal));
      if (run.record === undefined || !run.settle()) continue;
      await guarded(() => write(redis, keys, run.record!, run));
      await rename(journal, join(root, id, IMPORTED));
    }
  } finally {
    redis.disconnect();
  }
}

async function write(redis: Redis, keys: Keys, record: RunRecord, run: JournalledRun): Promise<void> {
  const { id, state, ...fields } = record;
  const names = runKeys(keys, id);
  await redis.watch(names.run);
  if (await redis.exists(names.run)) {
    await redis.unwatch();
    return;
  }
  const all = redis.multi().del(names.events, names.metrics, names.marks);
  for (const event of run.events) {
    all.xadd(names.events, event.id, 'type', event.type, 'data', JSON.stringify(event.data));
  }
  for (const [row, data] of metricsOf(run.events)) all.xadd(names.metrics, row, 'data', data);
  if (run.marks.size > 0) all.hset(names.marks, Object.fromEntries(run.marks));
  all.hset(names.run, {
    ...encodePatch(fields),
    state,
    fence: run.fence,
    _job: 1,
    ...(run.modelId !== undefined && { _model: run.modelId }),
  });
  all.zadd(names.runs, 0, id);
  if (state === 'queued') all.sadd(names.queued, id).sadd(names.live, id);
  // Null when another process wrote the run meanwhile, which is as good.
  for (const [error] of (await all.exec()) ?? []) if (error) throw error;
}

/** Rows of the metrics stream, in the order of their ids. */
function metricsOf(events: readonly RunEvent[]): [id: string, data: string][] {
  const ORDER: Record<string, number> = { metrics: 1, validation: 2 };
  return events
    .filter(({ type }) => type in ORDER)
    .map(({ type, data }) => ({ at: Number(data.iteration), order: ORDER[type]!, data }))
    .sort((a, b) => a.at - b.at || a.order - b.order)
    .map(({ at, order, data }) => [`${at}-${order}`, JSON.stringify(data)]);
}
