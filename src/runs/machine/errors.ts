import type { RunState } from '../../core/contracts/run.ts';
import { StylographError } from '../../core/errors.ts';
import type { Moves } from './states.ts';

const QUEUE_RETRY_SECONDS = 30;

/** @param waiting how many runs wait */
export const queueFull = (waiting: string): StylographError =>
  new StylographError(
    'queue_full',
    `${waiting} runs are waiting already, which is the limit; cancel some or try again later.`,
    { retryAfter: QUEUE_RETRY_SECONDS },
  );

/** @param id the run that the key created first */
export const idempotencyConflict = (id: string): StylographError =>
  new StylographError(
    'idempotency_conflict',
    `This Idempotency-Key created ${id} from another body; use a fresh key for another run.`,
  );

export function runNotFound(id: string): StylographError {
  return new StylographError('run_not_found', `There is no run "${id}"; GET /runs lists them all.`);
}

export function fenceLost(id: string): StylographError {
  return new StylographError('fence_lost', `Another worker owns ${id} now, so this one must stop.`);
}

/** @throws run_not_found, fence_lost for the outcomes of a script that mean these */
export function checkOutcome(id: string, outcome: string): void {
  if (outcome === 'missing') throw runNotFound(id);
  if (outcome === 'fence') throw fenceLost(id);
}

export function isPublishing(id: string, verb: string): StylographError {
  return new StylographError(
    'invalid_state',
    `${id} is publishing its model and ends within seconds; it cannot ${verb} any more.`,
  );
}

export function cannotMove(id: string, state: RunState, moves: Moves, verb: string): StylographError {
  return new StylographError(
    'invalid_state',
    `${id} is ${state} and cannot ${verb}; only a run that is ${Object.keys(moves).join(' or ')} can.`,
  );
}

export function isUnfinished(id: string, state: string): StylographError {
  return new StylographError('invalid_state', `${id} is ${state}; cancel it before removing it.`);
}
