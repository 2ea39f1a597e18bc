import type { NamedWeights } from '../core/contracts/model.ts';
import type { FolderStore } from './folder-store.ts';
import { decode, encode } from './safetensors.ts';

const EXTENSION = '.safetensors';
/** Best weights that are kept. A run may resume from before the newest; then the previous one is the best. */
const BEST_KEPT = 2;

const folderOf = (runId: string, kind: 'best' | 'snapshots'): string => `runs/${runId}/${kind}`;

const pathOf = (folder: string, iteration: number): string =>
  `${folder}/${String(iteration).padStart(9, '0')}${EXTENSION}`;

async function save(
  store: FolderStore,
  folder: string,
  iteration: number,
  weights: readonly NamedWeights[],
): Promise<void> {
  await store.writeFile(pathOf(folder, iteration), encode(weights));
}

/** Iterations with weights, ascending. */
async function list(store: FolderStore, folder: string): Promise<number[]> {
  const names = await store.list(folder);
  return names.filter((name) => name.endsWith(EXTENSION)).map((name) => Number.parseInt(name, 10));
}

async function read(
  store: FolderStore,
  folder: string,
  iteration: number,
): Promise<NamedWeights[] | undefined> {
  const bytes = await store.readFile(pathOf(folder, iteration));
  return bytes && decode(bytes).weights;
}

/**
 * Stores the served weights of the best iteration so far. They stay as long as the run: a process that resumes a run while
 * it is publishing must choose the same weights. @throws disk_full
 */
export async function saveBest(
  store: FolderStore,
  runId: string,
  iteration: number,
  served: readonly NamedWeights[],
): Promise<void> {
  const folder = folderOf(runId, 'best');
  await save(store, folder, iteration, served);
  const older = (await list(store, folder)).slice(0, -BEST_KEPT);
  for (const each of older) await store.remove(pathOf(folder, each));
}

/** Undefined if there are none of this iteration. @throws checkpoint_corrupt */
export async function readBest(
  store: FolderStore,
  runId: string,
  iteration: number,
): Promise<NamedWeights[] | undefined> {
  return await read(store, folderOf(runId, 'best'), iteration);
}

/** Stores a run's decoder at an iteration, for its films. @throws disk_full */
export async function saveSnapshot(
  store: FolderStore,
  runId: string,
  iteration: number,
  decoder: readonly NamedWeights[],
): Promise<void> {
  await save(store, folderOf(runId, 'snapshots'), iteration, decoder);
}

/** Iterations with a snapshot, ascending. */
export async function listSnapshots(store: FolderStore, runId: string): Promise<number[]> {
  return await list(store, folderOf(runId, 'snapshots'));
}

/** Undefined if there is none of this iteration. @throws checkpoint_corrupt */
export async function readSnapshot(
  store: FolderStore,
  runId: string,
  iteration: number,
): Promise<NamedWeights[] | undefined> {
  return await read(store, folderOf(runId, 'snapshots'), iteration);
}

export async function removeSnapshots(store: FolderStore, runId: string): Promise<void> {
  await store.remove(folderOf(runId, 'snapshots'));
}
