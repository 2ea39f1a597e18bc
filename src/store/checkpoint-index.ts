import { errorCodeOf, StylographError } from '../core/errors.ts';
import type { FolderStore, Versioned } from './folder-store.ts';

const FORMAT = 1;
const ATTEMPTS = 20;
const NAME = /^(\d{9})(?:-(\d+))?$/;

export interface IndexedCheckpoint {
  iteration: number;
  /** Name of its folder. Several owners may have written folders of one iteration. */
  folder: string;
}

/** The checkpoints of a run. A folder that is not listed is ignored. */
interface Index {
  format: number;
  /** The highest fencing token that has changed the list. */
  fence: number;
  /** Oldest first. */
  checkpoints: IndexedCheckpoint[];
}

export const checkpointsOf = (runId: string): string => `runs/${runId}/checkpoints`;
const indexOf = (runId: string): string => `runs/${runId}/checkpoints.json`;

export const folderName = (iteration: number, fence: number): string =>
  `${String(iteration).padStart(9, '0')}-${fence}`;

const fenceIn = (folder: string): number => Number(NAME.exec(folder)?.[2] ?? 0);

async function foldersOf(store: FolderStore, runId: string): Promise<string[]> {
  return (await store.list(checkpointsOf(runId))).filter((name) => NAME.test(name));
}

async function readIndex(
  store: FolderStore,
  runId: string,
): Promise<{ seen: Versioned | undefined; index: Index }> {
  const seen = await store.readVersioned(indexOf(runId));
  const index = seen && parse(seen.bytes);
  return { seen, index: index ?? (await rebuild(store, runId)) };
}

function parse(bytes: Uint8Array): Index | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Index;
  } catch {
    return undefined;
  }
}

/** Rebuilds a damaged list, or that of an earlier version, from the existing folders. */
async function rebuild(store: FolderStore, runId: string): Promise<Index> {
  const folders = await foldersOf(store, runId);
  const checkpoints = folders.map((folder) => ({ iteration: Number.parseInt(folder, 10), folder }));
  return { format: FORMAT, fence: Math.max(0, ...folders.map(fenceIn)), checkpoints };
}

export async function readIndexed(store: FolderStore, runId: string): Promise<IndexedCheckpoint[]> {
  return (await readIndex(store, runId)).index.checkpoints;
}

/**
 * Changes the list by compare-and-swap. An owner that lost the run is rejected here, however late its last write arrives:
 * the new owner has stored a higher fencing token before.
 *
 * @throws fence_lost
 */
export async function changeIndex(
  store: FolderStore,
  runId: string,
  fence: number,
  change: (checkpoints: IndexedCheckpoint[]) => IndexedCheckpoint[],
): Promise<IndexedCheckpoint[]> {
  for (let attempt = 1; ; attempt++) {
    const { seen, index } = await readIndex(store, runId);
    if (index.fence > fence) throw fenceLost(runId);
    const checkpoints = change(index.checkpoints).sort((a, b) => a.iteration - b.iteration);
    const next: Index = { format: FORMAT, fence, checkpoints };
    try {
      await store.swapFile(indexOf(runId), Buffer.from(`${JSON.stringify(next, null, 2)}\n`), seen);
      return checkpoints;
    } catch (error) {
      if (errorCodeOf(error) !== 'store_conflict' || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Removes a checkpoint that was set aside from the list. */
export async function unlist(store: FolderStore, runId: string, folder: string): Promise<void> {
  const { fence } = (await readIndex(store, runId)).index;
  await changeIndex(store, runId, fence, (known) => known.filter((each) => each.folder !== folder));
}

/**
 * Claims a run for the owner of a fencing token. Earlier owners can store no more checkpoints, and their unfinished files
 * are removed. @throws fence_lost if a later owner has claimed the run
 */
export async function claimRun(store: FolderStore, runId: string, fence: number): Promise<void> {
  const listed = await changeIndex(store, runId, fence, (checkpoints) => checkpoints);
  for (const folder of await foldersOf(store, runId)) {
    const isListed = listed.some((each) => each.folder === folder);
    if (!isListed && fenceIn(folder) < fence) await store.remove(`${checkpointsOf(runId)}/${folder}`);
  }
  await store.tidy(`runs/${runId}`);
}

function fenceLost(runId: string): StylographError {
  return new StylographError(
    'fence_lost',
    `Another worker owns ${runId} now. The results of this one were not stored.`,
  );
}
