import { type Dataset, DatasetId, DatasetInfo, type LabelledImages } from '../core/contracts/dataset.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import { type FolderStore, openFolderStore } from '../store/index.ts';
import { drawSheet } from './sheet.ts';

const ROOT = 'datasets';
const FILES = { info: 'info.json', images: 'images.u8', labels: 'labels.u8', sheet: 'sheet.png' } as const;

const pathOf = (id: string): string => `${ROOT}/${id}`;

/** Ids of uploaded datasets end so; nothing else in the folder does. */
const SUFFIX = /-[0-9a-f]{8}$/;
const isStoredId = (id: string): boolean => SUFFIX.test(id) && DatasetId.safeParse(id).success;

/** Where uploaded datasets are: in the store, and where that is elsewhere, copies in the data folder of who reads them. */
export interface Shelf {
  dataDir: string;
  /** Absent where the data folder is the store. */
  store?: FolderStore | undefined;
}

const local = new Map<string, Promise<FolderStore>>();

/** The data folder as a store. */
async function localStore(dataDir: string): Promise<FolderStore> {
  const opened = local.get(dataDir) ?? openFolderStore(dataDir);
  local.set(dataDir, opened);
  opened.catch(() => local.delete(dataDir));
  return await opened;
}

const storeOf = async ({ dataDir, store }: Shelf): Promise<FolderStore> =>
  store ?? (await localStore(dataDir));

/**
 * Writes a dataset whole: images and labels of train, validation and test, one after another. One of the same id holds
 * the same, and stays as it is.
 * @throws disk_full
 */
export async function keepDataset(
  store: FolderStore,
  dataset: Dataset,
  signal: AbortSignal,
): Promise<{ info: DatasetInfo; added: boolean }> {
  const { info, train, validation, test } = dataset;
  const known = await infoIn(store, info.id);
  if (known !== undefined) return { info: known, added: false };
  const parts = [train, validation, test];
  const files = {
    [FILES.info]: Buffer.from(`${JSON.stringify(info, null, 2)}\n`),
    [FILES.images]: Buffer.concat(parts.map(({ images }) => images)),
    [FILES.labels]: Buffer.concat(parts.map(({ labels }) => labels)),
    [FILES.sheet]: drawSheet(dataset),
  };
  await store.write(pathOf(info.id), files, { beforeCommit: async () => signal.throwIfAborted() });
  return { info, added: true };
}

/** Undefined when there is none of this id. @throws dataset_corrupt */
export async function describeStored(id: string, shelf: Shelf): Promise<DatasetInfo | undefined> {
  return await infoIn(await storeOf(shelf), id);
}

async function infoIn(store: FolderStore, id: string): Promise<DatasetInfo | undefined> {
  const bytes = await readFrom(store, id, FILES.info);
  if (bytes === undefined) return undefined;
  const parsed = DatasetInfo.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new StylographError(
    'dataset_corrupt',
    `${pathOf(id)}/${FILES.info} has another form. ${remedyOf(id)}`,
  );
}

export async function storedSheet(id: string, shelf: Shelf): Promise<Uint8Array | undefined> {
  return await readFrom(await storeOf(shelf), id, FILES.sheet);
}

/** @throws dataset_corrupt */
export async function readStored(id: string, shelf: Shelf): Promise<Dataset | undefined> {
  const near = await localStore(shelf.dataDir);
  if (shelf.store !== undefined) await fetchStored(id, shelf.store, near);
  const info = await describeStored(id, { dataDir: shelf.dataDir });
  if (info === undefined) return undefined;
  const [images, labels] = await Promise.all(
    [FILES.images, FILES.labels].map((file) => readFrom(near, id, file)),
  );
  const size = info.width * info.height * info.channels;
  const { train, validation, test } = info.split;
  const at = [0, train, train + validation, train + validation + test];
  if (
    images === undefined ||
    labels === undefined ||
    images.length !== at[3]! * size ||
    labels.length !== at[3]
  ) {
    throw new StylographError(
      'dataset_corrupt',
      `${pathOf(id)} does not hold what it states. ${remedyOf(id)}`,
    );
  }
  const part = (which: 0 | 1 | 2): LabelledImages => {
    const [from, to] = [at[which]!, at[which + 1]!];
    return {
      count: to - from,
      images: images.subarray(from * size, to * size),
      labels: labels.subarray(from, to),
    };
  };
  return { info, train: part(0), validation: part(1), test: part(2) };
}

/** Ids of uploaded datasets whose id without its ending is this. */
export async function storedAs(slug: string, shelf: Shelf): Promise<string[]> {
  return (await listStored(shelf)).filter((id) => id.replace(SUFFIX, '') === slug);
}

/** Ids of uploaded datasets; other things that are in the folder are none. */
export async function listStored(shelf: Shelf): Promise<string[]> {
  return (await (await storeOf(shelf)).list(ROOT)).filter(isStoredId);
}

/** False when there is none. */
export async function removeStored(id: string, shelf: Shelf): Promise<boolean> {
  if (!isStoredId(id)) return false;
  const store = await storeOf(shelf);
  const was = await store.exists(pathOf(id));
  await store.remove(pathOf(id));
  if (shelf.store !== undefined) await (await localStore(shelf.dataDir)).remove(pathOf(id));
  return was;
}

async function fetchStored(id: string, far: FolderStore, near: FolderStore): Promise<void> {
  if (!isStoredId(id) || (await near.exists(pathOf(id)))) return;
  const sizes = await far.sizes(pathOf(id)).catch((error: unknown) => {
    if (errorCodeOf(error) === 'checkpoint_missing') return {};
    throw error;
  });
  const files: Record<string, Uint8Array> = {};
  for (const file of Object.keys(sizes)) files[file] = await far.read(pathOf(id), file);
  if (Object.keys(files).length > 0) await near.write(pathOf(id), files);
}

async function readFrom(store: FolderStore, id: string, file: string): Promise<Uint8Array | undefined> {
  if (!isStoredId(id)) return undefined;
  try {
    return await store.read(pathOf(id), file);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'checkpoint_missing') return undefined;
    if (code !== 'checkpoint_corrupt') throw error;
    throw new StylographError('dataset_corrupt', `${(error as Error).message} ${remedyOf(id)}`, {
      cause: error,
    });
  }
}

const remedyOf = (id: string): string =>
  `Or delete the dataset (DELETE /datasets/${id}) and upload it again.`;
