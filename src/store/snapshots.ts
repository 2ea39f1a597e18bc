import type { NamedWeights } from '../core/contracts/model.ts';
import { IterationWeights } from './iterations.ts';
import type { FolderStore } from './store.ts';

const snapshotsOf = (store: FolderStore, runId: string): IterationWeights =>
  new IterationWeights(store, runId, 'snapshots');

/** Keeps a run's decoder of an iteration for its films; the same iteration again replaces it. @throws disk_full */
export async function saveSnapshot(
  store: FolderStore,
  runId: string,
  iteration: number,
  decoder: readonly NamedWeights[],
): Promise<void> {
  await snapshotsOf(store, runId).save(iteration, decoder);
}

/** Iterations of which there is a snapshot, ascending. */
export async function listSnapshots(store: FolderStore, runId: string): Promise<number[]> {
  return await snapshotsOf(store, runId).list();
}

/** @throws checkpoint_corrupt when the file is damaged; undefined when there is none. */
export async function readSnapshot(
  store: FolderStore,
  runId: string,
  iteration: number,
): Promise<NamedWeights[] | undefined> {
  return await snapshotsOf(store, runId).read(iteration);
}

export async function removeSnapshots(store: FolderStore, runId: string): Promise<void> {
  await snapshotsOf(store, runId).removeAll();
}
