import type { RunState } from '../../core/contracts/run.ts';

/*
 * The life of a run, written once. The Redis scripts get TRANSITIONS compiled into them (redis/scripts.ts) and refuse
 * every other change of state.
 */

export const INITIAL: RunState = 'queued';

/** Which state may follow which. */
export const TRANSITIONS: Record<RunState, readonly RunState[]> = {
  queued: ['running', 'cancelled'],
  running: ['succeeded', 'failed', 'pausing', 'cancelling', 'queued', 'paused'],
  pausing: ['paused', 'cancelling', 'failed'],
  paused: ['queued', 'cancelled'],
  cancelling: ['cancelled'],
  cancelled: [],
  succeeded: [],
  failed: [],
};

/** For each state that a move applies to, the state it leads to. */
export type Moves = Partial<Record<RunState, RunState>>;

/** What a user may ask of a run. */
export const REQUESTS = {
  cancel: { queued: 'cancelled', paused: 'cancelled', running: 'cancelling', pausing: 'cancelling' },
  pause: { running: 'pausing' },
  resume: { paused: 'queued' },
} as const satisfies Record<string, Moves>;
export type RunRequestKind = keyof typeof REQUESTS;

/** A request that was made while a process trained the run. */
const REQUESTED = { pausing: 'paused', cancelling: 'cancelled' } as const;

/** How a worker's work on a run ends, and where that leads. */
export const OUTCOMES = {
  succeeded: { running: 'succeeded' },
  /** It wrote a checkpoint and stopped, on request or because its worker ends. */
  stopped: { ...REQUESTED, running: 'queued' },
  /** It cannot go on by itself: the disk is full, or nothing would take it from the queue. */
  blocked: { ...REQUESTED, running: 'paused' },
  failed: { cancelling: 'cancelled', pausing: 'failed', running: 'failed' },
  /** Its process or its worker ended without a report. */
  died: { ...REQUESTED, running: 'queued' },
  diedTooOften: { ...REQUESTED, running: 'failed' },
} as const satisfies Record<string, Moves>;
export type OutcomeKind = keyof typeof OUTCOMES;
