import type { TrainingState } from '../core/contracts/checkpoint.ts';
import type { TrainingConfig } from '../core/contracts/config.ts';
import type { NamedWeights } from '../core/contracts/model.ts';
import type { CheckpointInfo } from '../core/contracts/run.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import {
  changeIndex,
  checkpointsOf,
  folderName,
  type IndexedCheckpoint,
  readIndexed,
  unlist,
} from './checkpoint-index.ts';
import { weightsDigest } from './digest.ts';
import type { FolderStore } from './folder-store.ts';
import { decode, encode } from './safetensors.ts';

const FORMAT = 1;
/** Checkpoints that are kept: the last one, and one before in case the last is damaged. */
const KEPT = 2;
const META = 'meta.json';
const PARTS = ['weights', 'optimizer', 'averages'] as const;

export interface CheckpointInput {
  state: TrainingState;
  /** The served weights in their fixed order; `digest` covers them. */
  served: readonly NamedWeights[];
  config: TrainingConfig;
  seed: number;
  /** Fencing token of the worker that owns the run. */
  fence: number;
  /** Versions of the software by name. */
  software?: Record<string, string>;
  /** Called before the checkpoint becomes visible; throws if the worker lost the run. */
  beforeCommit?: () => Promise<void>;
}

/** The training state without its arrays. */
type Progress = Omit<TrainingState, (typeof PARTS)[number]>;

/** `meta.json` of a checkpoint. */
interface Meta extends Omit<Progress, 'rateScale'> {
  format: number;
  runId: string;
  /** Earlier versions did not write it; then it is 1. */
  rateScale?: number;
  seed: number;
  config: TrainingConfig;
  digest: string;
  stateDigest: string;
  fence: number;
  createdAt: string;
  software: Record<string, string>;
}

export interface StoredCheckpoint {
  state: TrainingState;
  info: CheckpointInfo;
  config: TrainingConfig;
  seed: number;
}

const progressOf = ({
  iteration,
  batchesDrawn,
  stepsTaken,
  secondsElapsed,
  rateScale = 1,
  entropies,
}: Progress | Meta): Progress => ({
  iteration,
  batchesDrawn,
  stepsTaken,
  secondsElapsed,
  rateScale,
  ...(entropies && { entropies }),
});

const toInfo = (meta: Meta, sizes: Record<string, number>): CheckpointInfo => ({
  iteration: meta.iteration,
  digest: meta.digest,
  stateDigest: meta.stateDigest,
  createdAt: meta.createdAt,
  bytes: Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0),
});

const stateDigest = (state: TrainingState): string =>
  weightsDigest(
    PARTS.flatMap((part) => state[part].map((weight) => ({ ...weight, name: `${part}/${weight.name}` }))),
  );

/**
 * Writes a checkpoint atomically, then removes all but the last two. If it throws, nothing is left behind.
 * @throws disk_full; fence_lost if a later owner claimed the run; the errors of `beforeCommit`
 */
export async function saveCheckpoint(
  store: FolderStore,
  runId: string,
  input: CheckpointInput,
): Promise<CheckpointInfo> {
  const { state, served, config, seed, fence, software = {}, beforeCommit } = input;
  const meta: Meta = {
    format: FORMAT,
    runId,
    ...progressOf(state),
    seed,
    config,
    digest: weightsDigest(served),
    stateDigest: stateDigest(state),
    fence,
    createdAt: new Date().toISOString(),
    software,
  };
  const files: Record<string, Uint8Array> = { [META]: Buffer.from(`${JSON.stringify(meta, null, 2)}\n`) };
  for (const part of PARTS) {
    if (state[part].length > 0 || part === 'weights') files[`${part}.safetensors`] = encode(state[part]);
  }
  const folder = folderName(state.iteration, fence);
  await store.write(pathOf(runId, folder), files, beforeCommit ? { beforeCommit } : {});
  await commit(store, runId, { iteration: state.iteration, folder }, fence);
  const sizes = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, bytes.length]));
  return toInfo(meta, sizes);
}

const pathOf = (runId: string, folder: string): string => `${checkpointsOf(runId)}/${folder}`;

/** Adds a written checkpoint to the list and removes older ones. */
async function commit(
  store: FolderStore,
  runId: string,
  own: IndexedCheckpoint,
  fence: number,
): Promise<void> {
  let dropped: IndexedCheckpoint[] = [];
  try {
    await changeIndex(store, runId, fence, (known) => {
      const others = known.filter(({ iteration }) => iteration !== own.iteration);
      const all = [...others, own].sort((a, b) => a.iteration - b.iteration);
      const kept = all.slice(-KEPT);
      dropped = known.filter(({ folder }) => !kept.some((each) => each.folder === folder));
      return kept;
    });
  } catch (error) {
    await store.remove(pathOf(runId, own.folder)).catch(() => undefined);
    throw error;
  }
  for (const { folder } of dropped) await store.remove(pathOf(runId, folder));
}

async function readMeta(store: FolderStore, path: string): Promise<Meta> {
  const bytes = await store.read(path, META);
  const meta = JSON.parse(Buffer.from(bytes).toString('utf8')) as Meta;
  if (meta.format !== FORMAT) {
    throw new StylographError(
      'checkpoint_corrupt',
      `${path} has format ${meta.format}, but this version reads format ${FORMAT}. Use the version that wrote it.`,
    );
  }
  return meta;
}

async function readCheckpoint(store: FolderStore, path: string): Promise<StoredCheckpoint> {
  const meta = await readMeta(store, path);
  const sizes = await store.sizes(path);
  const part = async (name: (typeof PARTS)[number]): Promise<NamedWeights[]> => {
    const file = `${name}.safetensors`;
    return file in sizes || name === 'weights' ? decode(await store.read(path, file)).weights : [];
  };
  const { config, seed } = meta;
  const state: TrainingState = {
    ...progressOf(meta),
    weights: await part('weights'),
    optimizer: await part('optimizer'),
    averages: await part('averages'),
  };
  return { state, info: toInfo(meta, sizes), config, seed };
}

/**
 * Reads the newest intact checkpoint; undefined if there is none. A damaged one is set aside, reported to `onWarning`, and
 * the one before is read.
 */
export async function latestCheckpoint(
  store: FolderStore,
  runId: string,
  onWarning: (message: string) => void | Promise<void>,
): Promise<StoredCheckpoint | undefined> {
  for (const { folder } of (await readIndexed(store, runId)).reverse()) {
    const path = pathOf(runId, folder);
    try {
      return await readCheckpoint(store, path);
    } catch (error) {
      const code = errorCodeOf(error);
      if (code === 'checkpoint_missing') continue;
      if (code !== 'checkpoint_corrupt') throw error;
      await store.setAside(path);
      await unlist(store, runId, folder);
      await onWarning(`${(error as Error).message} It was set aside; an older checkpoint is tried.`);
    }
  }
  return undefined;
}

/** Describes a run's intact checkpoints, oldest first. */
export async function listCheckpoints(store: FolderStore, runId: string): Promise<CheckpointInfo[]> {
  const infos: CheckpointInfo[] = [];
  for (const { folder } of await readIndexed(store, runId)) {
    const path = pathOf(runId, folder);
    try {
      infos.push(toInfo(await readMeta(store, path), await store.sizes(path)));
    } catch (error) {
      if (!['checkpoint_missing', 'checkpoint_corrupt'].includes(errorCodeOf(error) ?? '')) throw error;
    }
  }
  return infos;
}
