import type { NamedWeights } from '../core/contracts/model.ts';
import { IterationWeights } from './iterations.ts';
import type { FolderStore } from './store.ts';

/** A run may go on from before the newest of them; then the one before it is the best there is. */
const KEPT = 2;

/**
 * Keeps the weights, as they would be served, of the iteration that is the best so far. They stay as long as the run: one
 * whose process dies while it publishes must choose the same again. @throws disk_full
 */
export async function saveBest(
  store: FolderStore,
  runId: string,
  iteration: number,
  served: readonly NamedWeights[],
): Promise<void> {
  const best = new IterationWeights(store, runId, 'best');
  await best.save(iteration, served);
  for (const older of (await best.list()).slice(0, -KEPT)) await best.remove(older);
}

/** @throws checkpoint_corrupt when the file is damaged; undefined when there is none. */
export async function readBest(
  store: FolderStore,
  runId: string,
  iteration: number,
): Promise<NamedWeights[] | undefined> {
  return await new IterationWeights(store, runId, 'best').read(iteration);
}
