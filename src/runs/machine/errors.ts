import type { RunState } from '../../core/contracts/run.ts';
import { StylographError } from '../../core/errors.ts';
import type { Moves } from './states.ts';

const QUEUE_RETRY_SECONDS = 30;

/** @param waiting number of queued runs */
export const queueFull = (waiting: string): StylographError =>
  new StylographError(
    'queue_full',
    `The queue is full with ${waiting} runs. Cancel some of them or try again later.`,
    { retryAfter: QUEUE_RETRY_SECONDS },
  );

/** @param id the run that the key created first */
export const idempotencyConflict = (id: string): StylographError =>
  new StylographError(
    'idempotency_conflict',
    `This Idempotency-Key already created ${id} with a different body. Use a new key for a new run.`,
  );

export function runNotFound(id: string): StylographError {
  return new StylographError('run_not_found', `There is no run "${id}"; GET /runs lists them all.`);
}

export function fenceLost(id: string): StylographError {
  return new StylographError('fence_lost', `Another worker owns ${id} now, so this one must stop.`);
}

/** Converts a script's outcome to an error. @throws run_not_found, fence_lost */
export function checkOutcome(id: string, outcome: string): void {
  if (outcome === 'missing') throw runNotFound(id);
  if (outcome === 'fence') throw fenceLost(id);
}

export function isPublishing(id: string, verb: string): StylographError {
  return new StylographError(
    'invalid_state',
    `${id} is publishing its model and cannot ${verb} any more. It ends within seconds.`,
  );
}

export function cannotMove(id: string, state: RunState, moves: Moves, verb: string): StylographError {
  return new StylographError(
    'invalid_state',
    `${id} is ${state} and cannot ${verb}. Only a run that is ${Object.keys(moves).join(' or ')} can.`,
  );
}

export function isUnfinished(id: string, state: string): StylographError {
  return new StylographError('invalid_state', `${id} is ${state}. Cancel it before removing it.`);
}
