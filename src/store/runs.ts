import { StylographError } from '../core/errors.ts';
import type { FolderStore } from './store.ts';

const folderOf = (runId: string): string => `runs/${runId}/samples`;

/** Stores a picture of a run under its file name. @throws disk_full */
export async function saveFigure(
  store: FolderStore,
  runId: string,
  file: string,
  bytes: Uint8Array,
): Promise<void> {
  await store.writeFile(`${folderOf(runId)}/${file}`, bytes);
}

/** File names of a run's pictures, sorted. */
export async function listFigures(store: FolderStore, runId: string): Promise<string[]> {
  return await store.list(folderOf(runId));
}

/** @throws figure_not_found, and validation_failed for a name that could not be a figure's. */
export async function readFigure(store: FolderStore, runId: string, file: string): Promise<Uint8Array> {
  const bytes = await store.readFile(`${folderOf(runId)}/${file}`);
  if (bytes === undefined) {
    throw new StylographError(
      'figure_not_found',
      `Run ${runId} has no figure ${file}; GET /runs/${runId}/figures lists those it has.`,
    );
  }
  return bytes;
}

/** Removes a run's checkpoints and pictures. Models it published stay. */
export async function removeRunFiles(store: FolderStore, runId: string): Promise<void> {
  await store.remove(`runs/${runId}`);
}
