import type { Redis } from 'ioredis';
import { RunId } from '../contracts/common.ts';
import type { RunState } from '../contracts/run.ts';
import { StylographError } from '../errors.ts';
import type { Keys } from './keys.ts';
import { patchArguments, type RunPatch } from './records.ts';
import { MOVE } from './scripts.ts';

/** From each state the move applies to, where it leads. */
export type Moves = Partial<Record<RunState, RunState>>;

export interface MoveOptions {
  /** What the move is called in an error: "cannot …". */
  verb: string;
  patch?: RunPatch;
  /** Only for the worker that holds it. */
  fence?: number;
  /** Refused from the moment the run publishes its model. */
  unlessPublishing?: boolean;
}

export function runNotFound(id: string): StylographError {
  return new StylographError('run_not_found', `There is no run "${id}"; GET /runs lists them all.`);
}

export function fenceLost(id: string): StylographError {
  return new StylographError('fence_lost', `Another worker owns ${id} now; this one must let go of it.`);
}

/** Throws what a script's outcome stands for; outcomes that are no failure pass. */
export function checkOutcome(id: string, outcome: string): void {
  if (outcome === 'missing') throw runNotFound(id);
  if (outcome === 'fence') throw fenceLost(id);
}

/**
 * Moves a run to the state that its present one leads to, writes the patch, tells `state` (and `end`), all in one
 * step.
 * @throws run_not_found, invalid_state, fence_lost, redis_unavailable
 */
export async function moveRun(
  redis: Redis,
  keys: Keys,
  id: string,
  moves: Moves,
  { verb, patch = {}, fence, unlessPublishing = false }: MoveOptions,
): Promise<{ to: RunState; from: RunState }> {
  if (!RunId.safeParse(id).success) throw runNotFound(id);
  const [outcome, to, from] = (await MOVE.run(redis, stateKeys(keys, id), [
    id,
    fence ?? '',
    JSON.stringify(moves),
    JSON.stringify(new Date().toISOString()),
    unlessPublishing ? '1' : '',
    ...patchArguments(patch),
  ])) as [string, RunState, RunState];
  checkOutcome(id, outcome);
  if (outcome === 'publishing') {
    throw new StylographError(
      'invalid_state',
      `${id} is publishing its model and ends within seconds; it cannot ${verb} any more.`,
    );
  }
  if (outcome === 'state') {
    throw new StylographError(
      'invalid_state',
      `${id} is ${to} and cannot ${verb}; only a run that is ${Object.keys(moves).join(' or ')} can.`,
    );
  }
  return { to, from };
}

/** The keys of every script that changes a run's state. */
export function stateKeys(keys: Keys, id: string): string[] {
  return [keys.run(id), keys.events(id), keys.queued, keys.live];
}
