import type { RunState } from '../../core/contracts/run.ts';

/*
 * The state machine of a run. The Redis scripts contain a copy of TRANSITIONS (see redis/scripts.ts) and reject all
 * other transitions.
 */

export const INITIAL: RunState = 'queued';

/** The states that may follow each state. */
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

/** Maps each state that a move applies to, to the resulting state. */
export type Moves = Partial<Record<RunState, RunState>>;

/** The requests that a user may make for a run. */
export const REQUESTS = {
  cancel: { queued: 'cancelled', paused: 'cancelled', running: 'cancelling', pausing: 'cancelling' },
  pause: { running: 'pausing' },
  resume: { paused: 'queued' },
} as const satisfies Record<string, Moves>;
export type RunRequestKind = keyof typeof REQUESTS;

/** Results of requests that were made while a process trained the run. */
const REQUESTED = { pausing: 'paused', cancelling: 'cancelled' } as const;

/** The ways in which the training of a run can end, and the resulting states. */
export const OUTCOMES = {
  succeeded: { running: 'succeeded' },
  /** It wrote a checkpoint and stopped, on request or because its worker shuts down. */
  stopped: { ...REQUESTED, running: 'queued' },
  /** It needs a user: the disk is full, or no worker would take it from the queue. */
  blocked: { ...REQUESTED, running: 'paused' },
  failed: { cancelling: 'cancelled', pausing: 'failed', running: 'failed' },
  /** Its process or its worker ended without reporting an outcome. */
  died: { ...REQUESTED, running: 'queued' },
  diedTooOften: { ...REQUESTED, running: 'failed' },
} as const satisfies Record<string, Moves>;
export type OutcomeKind = keyof typeof OUTCOMES;
