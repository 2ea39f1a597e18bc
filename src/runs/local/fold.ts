import { completeConfig } from '../../core/contracts/presets.ts';
import type { RunEvent, RunEventBody, RunRecord, RunState } from '../../core/contracts/run.ts';
import { isFinished } from '../../core/contracts/run.ts';
import type { Moves } from '../machine/states.ts';
import { markOf, RECORD_FIELD } from '../redis/events.ts';
import type { RunPatch } from '../redis/records.ts';

/** The process that trains a run. */
export interface Owner {
  pid: number;
  /** When it began, in the kernel's ticks. */
  start: string;
  host: string;
}

/** Fields to write, and optional ones to remove. */
export interface Change {
  set: RunPatch;
  unset: string[];
}

/**
 * A line of a journal: what somebody asks of the run. What comes of it depends on the lines before it alone, so that
 * whoever reads the journal agrees, however many processes write to it.
 */
export type Entry = { at: string } & (
  | { type: 'create'; record: RunRecord }
  | { type: 'take'; owner: Owner }
  | { type: 'event'; fence: number; body: RunEventBody }
  | { type: 'patch'; fence: number; change: Change }
  | { type: 'move'; moves: Moves; change: Change; fence?: number | undefined; unlessPublishing?: boolean }
  | { type: 'publish'; fence: number; modelId: string }
  /** The process that owned the run is gone. */
  | { type: 'lost'; fence: number; change: Change }
);

/** What came of a line. */
export type Outcome = 'done' | 'missing' | 'fence' | 'known' | 'state' | 'publishing';

/** A run as the lines so far have made it. */
export interface Folded {
  record: RunRecord | undefined;
  /** The token of the present owner; 0 before any. */
  fence: number;
  owner: Owner | undefined;
  /** The id it publishes under, once that is fixed. */
  modelId: string | undefined;
  publishing: boolean;
  /** The highest iteration told, per kind of event. */
  marks: Map<string, number>;
}

export const nothingYet = (): Folded => ({
  record: undefined,
  fence: 0,
  owner: undefined,
  modelId: undefined,
  publishing: false,
  marks: new Map(),
});

export const changeOf = (patch: RunPatch): Change => ({
  set: Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as RunPatch,
  unset: Object.keys(patch).filter((field) => patch[field as keyof RunPatch] === undefined),
});

function applyChange(record: RunRecord, { set, unset }: Change): void {
  Object.assign(record, set);
  for (const field of unset) delete record[field as 'error'];
}

/** Where a run goes when its owner is gone: it can go on, unless it was to end. */
const AFTER_LOSS: Moves = { running: 'paused', pausing: 'paused', cancelling: 'cancelled' };

/** Applies one line, and tells the events it makes. */
export function applyEntry(folded: Folded, entry: Entry, tell: (body: RunEventBody) => void): Outcome {
  if (entry.type === 'create') {
    const { preset, config } = entry.record;
    folded.record ??= { ...structuredClone(entry.record), config: completeConfig(preset, config) };
    tell({ type: 'state', data: { state: entry.record.state } });
    return 'done';
  }
  const { record } = folded;
  if (record === undefined) return 'missing';
  const enter = (state: RunState): void => {
    record.state = state;
    folded.publishing = false;
    tell({ type: 'state', data: { state } });
    if (!isFinished(state)) return;
    record.finishedAt = entry.at;
    tell({ type: 'end', data: { state } });
  };
  if ('fence' in entry && entry.fence !== undefined && entry.fence !== folded.fence) return 'fence';
  switch (entry.type) {
    case 'take':
      return take(folded, record, entry, enter);
    case 'event':
      return tellOnce(folded, record, entry.body, tell);
    case 'patch':
      applyChange(record, entry.change);
      return 'done';
    case 'publish':
      if (record.state !== 'running') return 'state';
      folded.modelId ??= entry.modelId;
      folded.publishing = true;
      return 'done';
    case 'lost': {
      const to = AFTER_LOSS[record.state];
      if (to === undefined) return 'state';
      // Should it live after all, it finds that the run is no longer its own.
      folded.fence++;
      if (to !== 'cancelled') applyChange(record, entry.change);
      enter(to);
      return 'done';
    }
    case 'move': {
      const to = entry.moves[record.state];
      if (to === undefined) return 'state';
      if (entry.unlessPublishing && folded.publishing) return 'publishing';
      if (to !== 'cancelled') applyChange(record, entry.change);
      enter(to);
      return 'done';
    }
  }
}

function take(
  folded: Folded,
  record: RunRecord,
  { owner, at }: Extract<Entry, { type: 'take' }>,
  enter: (state: RunState) => void,
): Outcome {
  if (record.state !== 'queued') return 'state';
  folded.fence++;
  folded.owner = owner;
  record.startedAt ??= at;
  enter('running');
  return 'done';
}

function tellOnce(
  folded: Folded,
  record: RunRecord,
  body: RunEventBody,
  tell: (body: RunEventBody) => void,
): Outcome {
  const { mark, iteration } = markOf(body);
  if (mark !== '') {
    const highest = folded.marks.get(mark);
    if (highest !== undefined && highest >= Number(iteration)) return 'known';
    folded.marks.set(mark, Number(iteration));
  }
  const field = RECORD_FIELD[body.type];
  if (field !== undefined) record[field] = body.data as never;
  if (body.type === 'diagnosis') record.diagnoses = [...(record.diagnoses ?? []), body.data];
  tell(body);
  return 'done';
}

/** Events of the line that begins at a byte of the journal; their ids sort as they were told. */
export function eventIds(offset: number, bodies: readonly RunEventBody[]): RunEvent[] {
  return bodies.map(({ type, data }, i) => ({ id: `${offset}-${i}`, type, data: data as RunEvent['data'] }));
}
