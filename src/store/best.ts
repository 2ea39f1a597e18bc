import type { NamedWeights } from '../contracts/model.ts';
import { decode, encode } from './safetensors.ts';
import type { FolderStore } from './store.ts';

const ENDING = '.safetensors';
/** A run may go on from before the newest of them; then the one before it is the best there is. */
const KEPT = 2;
const folderOf = (runId: string): string => `runs/${runId}/best`;
const pathOf = (runId: string, iteration: number): string =>
  `${folderOf(runId)}/${String(iteration).padStart(9, '0')}${ENDING}`;

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
  await store.writeFile(pathOf(runId, iteration), encode(served));
  const names = (await store.list(folderOf(runId))).filter((name) => name.endsWith(ENDING));
  for (const name of names.slice(0, -KEPT)) await store.remove(`${folderOf(runId)}/${name}`);
}

/** @throws checkpoint_corrupt when the file is damaged; undefined when there is none. */
export async function readBest(
  store: FolderStore,
  runId: string,
  iteration: number,
): Promise<NamedWeights[] | undefined> {
  const bytes = await store.readFile(pathOf(runId, iteration));
  return bytes && decode(bytes).weights;
}
