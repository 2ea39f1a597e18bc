import type { NamedWeights } from '../contracts/model.ts';
import { decode, encode } from './safetensors.ts';
import type { FolderStore } from './store.ts';

const ENDING = '.safetensors';
const folderOf = (runId: string): string => `runs/${runId}/snapshots`;
const pathOf = (runId: string, iteration: number): string =>
  `${folderOf(runId)}/${String(iteration).padStart(9, '0')}${ENDING}`;

/** Keeps a run's decoder of an iteration for its films; the same iteration again replaces it. @throws disk_full */
export async function saveSnapshot(
  store: FolderStore,
  runId: string,
  iteration: number,
  decoder: readonly NamedWeights[],
): Promise<void> {
  await store.writeFile(pathOf(runId, iteration), encode(decoder));
}

/** Iterations of which there is a snapshot, ascending. */
export async function listSnapshots(store: FolderStore, runId: string): Promise<number[]> {
  const names = await store.list(folderOf(runId));
  return names.filter((name) => name.endsWith(ENDING)).map((name) => Number.parseInt(name, 10));
}

/** @throws checkpoint_corrupt when the file is damaged; undefined when there is none. */
export async function readSnapshot(
  store: FolderStore,
  runId: string,
  iteration: number,
): Promise<NamedWeights[] | undefined> {
  const bytes = await store.readFile(pathOf(runId, iteration));
  return bytes && decode(bytes).weights;
}

export async function removeSnapshots(store: FolderStore, runId: string): Promise<void> {
  await store.remove(folderOf(runId));
}
