import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { RunId } from '../../core/contracts/common.ts';
import type { RunState } from '../../core/contracts/run.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { patchArguments, type RunPatch } from '../redis/records.ts';
import { cannotMove, checkOutcome, publishes, runNotFound } from './errors.ts';
import { MOVE } from './scripts.ts';
import type { Moves } from './states.ts';

export interface MoveOptions {
  /** What the move is called in an error: "cannot …". */
  verb: string;
  patch?: RunPatch;
  /** Only for the worker that holds it. */
  fence?: number;
  /** Refused from the moment the run publishes its model. */
  unlessPublishing?: boolean;
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
    randomUUID(),
    ...patchArguments(patch),
  ])) as [string, RunState, RunState];
  checkOutcome(id, outcome);
  if (outcome === 'publishing') {
    throw publishes(id, verb);
  }
  if (outcome === 'state') {
    throw cannotMove(id, to, moves, verb);
  }
  return { to, from };
}

/** The keys of every script that changes a run's state. */
export function stateKeys(keys: Keys, id: string): string[] {
  return [keys.run(id), keys.events(id), keys.queued, keys.live];
}
