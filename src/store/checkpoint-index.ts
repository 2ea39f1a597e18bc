import { errorCodeOf, StylographError } from '../core/errors.ts';
import type { FolderStore, Versioned } from './folder-store.ts';

const FORMAT = 1;
const ATTEMPTS = 20;
const NAME = /^(\d{9})(?:-(\d+))?$/;

export interface IndexedCheckpoint {
  iteration: number;
  /** Name of its folder, of which there may be several of one iteration: each is of one owner. */
  folder: string;
}

/** Which checkpoints a run has. What is not listed does not exist, whatever folders there are. */
interface Index {
  format: number;
  /** The highest token whose owner has spoken. */
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

/** From the folders there are: for runs of earlier versions, and when the list is damaged. */
async function rebuild(store: FolderStore, runId: string): Promise<Index> {
  const folders = await foldersOf(store, runId);
  const checkpoints = folders.map((folder) => ({ iteration: Number.parseInt(folder, 10), folder }));
  return { format: FORMAT, fence: Math.max(0, ...folders.map(fenceIn)), checkpoints };
}

export async function readIndexed(store: FolderStore, runId: string): Promise<IndexedCheckpoint[]> {
  return (await readIndex(store, runId)).index.checkpoints;
}

/**
 * Changes the list in one step that nobody else can come between. This is where an owner that has lost the run is
 * stopped for good, however late its last write arrives: the new owner has written its higher token here first.
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

/** Takes a checkpoint that was set aside off the list. */
export async function unlist(store: FolderStore, runId: string, folder: string): Promise<void> {
  const { fence } = (await readIndex(store, runId)).index;
  await changeIndex(store, runId, fence, (known) => known.filter((each) => each.folder !== folder));
}

/**
 * Takes a run's folder for the owner of a token: from now on whoever owned it before can store no checkpoint. Removes
 * what earlier owners left half done. @throws fence_lost when a later owner was here already
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
    `Another worker owns ${runId} now; what this one computed is not stored.`,
  );
}
