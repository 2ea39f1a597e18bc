import type { RunState } from '../../core/contracts/run.ts';

/** From each state a move applies to, where it leads. */
export type Moves = Partial<Record<RunState, RunState>>;

/** Which state may follow which. */
export const TRANSITIONS: Record<RunState, readonly RunState[]> = {
  queued: ['running', 'cancelled'],
  // To `queued` when the worker is lost or told to stop; to `paused` when the disk is full.
  running: ['succeeded', 'failed', 'pausing', 'cancelling', 'queued', 'paused'],
  pausing: ['paused', 'cancelling', 'failed'],
  paused: ['queued', 'cancelled'],
  cancelling: ['cancelled'],
  cancelled: [],
  succeeded: [],
  failed: [],
};

/** What a user may ask of a run, and where that leads from each state it applies to. */
export const REQUESTS = {
  cancel: { queued: 'cancelled', paused: 'cancelled', running: 'cancelling', pausing: 'cancelling' },
  pause: { running: 'pausing' },
  resume: { paused: 'queued' },
} as const satisfies Record<string, Partial<Record<RunState, RunState>>>;
export type RunRequestKind = keyof typeof REQUESTS;
