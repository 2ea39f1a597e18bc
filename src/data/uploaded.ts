import { type Dataset, DatasetId, DatasetInfo, type LabelledImages } from '../core/contracts/dataset.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import { type FolderStore, openFolderStore } from '../store/index.ts';
import { drawDatasetSheet } from './summary.ts';

const ROOT = 'datasets';
const FILES = { info: 'info.json', images: 'images.u8', labels: 'labels.u8', sheet: 'sheet.png' } as const;

const pathOf = (id: string): string => `${ROOT}/${id}`;

/** Ids of uploaded datasets end in a digest; no other name in the folder does. */
const DIGEST_SUFFIX = /-[0-9a-f]{8}$/;
const isUploadedId = (id: string): boolean => DIGEST_SUFFIX.test(id) && DatasetId.safeParse(id).success;

export interface UploadedDatasetsOptions {
  dataDir: string;
  /** Omit it if the data folder is the store. */
  store?: FolderStore | undefined;
}

/**
 * The uploaded datasets. They are in the store. A process that reads the images from a remote store keeps a copy in its
 * data folder.
 */
export class UploadedDatasets {
  readonly #dataDir: string;
  readonly #remote: FolderStore | undefined;
  #opened: Promise<FolderStore> | undefined;

  constructor({ dataDir, store }: UploadedDatasetsOptions) {
    this.#dataDir = dataDir;
    this.#remote = store;
  }

  /** The data folder as a store. */
  async #local(): Promise<FolderStore> {
    this.#opened ??= openFolderStore(this.#dataDir);
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #store(): Promise<FolderStore> {
    return this.#remote ?? (await this.#local());
  }

  /** Undefined if it does not exist. @throws dataset_corrupt */
  async describe(id: string): Promise<DatasetInfo | undefined> {
    return await readInfo(await this.#store(), id);
  }

  /** Undefined if it does not exist. @throws dataset_corrupt */
  async load(id: string): Promise<Dataset | undefined> {
    const local = await this.#local();
    if (this.#remote !== undefined) await copyDataset(id, this.#remote, local);
    const info = await readInfo(local, id);
    if (info === undefined) return undefined;
    const images = await readFile(local, id, FILES.images);
    const labels = await readFile(local, id, FILES.labels);
    return { info, ...splitFiles(info, images, labels) };
  }

  /** The dataset's sheet as a PNG; undefined if the dataset does not exist. */
  async sheet(id: string): Promise<Uint8Array | undefined> {
    return await readFile(await this.#store(), id, FILES.sheet);
  }

  async ids(): Promise<string[]> {
    return (await (await this.#store()).list(ROOT)).filter(isUploadedId);
  }

  /** Ids that equal this text without their digest. */
  async idsWithoutDigest(slug: string): Promise<string[]> {
    return (await this.ids()).filter((id) => id.replace(DIGEST_SUFFIX, '') === slug);
  }

  /** False if it does not exist. */
  async remove(id: string): Promise<boolean> {
    if (!isUploadedId(id)) return false;
    const store = await this.#store();
    const existed = await store.exists(pathOf(id));
    await store.remove(pathOf(id));
    if (this.#remote !== undefined) await (await this.#local()).remove(pathOf(id));
    return existed;
  }
}

/**
 * Writes a dataset atomically: images and labels of train, validation and test follow each other. A dataset with the same
 * id has the same content and is not replaced.
 * @throws disk_full
 */
export async function saveDataset(
  store: FolderStore,
  dataset: Dataset,
  signal: AbortSignal,
): Promise<{ info: DatasetInfo; added: boolean }> {
  const { info, train, validation, test } = dataset;
  const existing = await readInfo(store, info.id);
  if (existing !== undefined) return { info: existing, added: false };
  const parts = [train, validation, test];
  const files = {
    [FILES.info]: Buffer.from(`${JSON.stringify(info, null, 2)}\n`),
    [FILES.images]: Buffer.concat(parts.map(({ images }) => images)),
    [FILES.labels]: Buffer.concat(parts.map(({ labels }) => labels)),
    [FILES.sheet]: drawDatasetSheet(dataset),
  };
  await store.write(pathOf(info.id), files, { beforeCommit: async () => signal.throwIfAborted() });
  return { info, added: true };
}

async function readInfo(store: FolderStore, id: string): Promise<DatasetInfo | undefined> {
  const bytes = await readFile(store, id, FILES.info);
  if (bytes === undefined) return undefined;
  const parsed = DatasetInfo.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (parsed.success) return parsed.data;
  throw corrupt(id, `${pathOf(id)}/${FILES.info} does not describe a dataset.`);
}

/** @throws dataset_corrupt if the files do not have the sizes that `info` states */
function splitFiles(
  info: DatasetInfo,
  images: Uint8Array | undefined,
  labels: Uint8Array | undefined,
): Omit<Dataset, 'info'> {
  const size = info.width * info.height * info.channels;
  const { train, validation, test } = info.split;
  const count = train + validation + test;
  if (images?.length !== count * size || labels?.length !== count) {
    throw corrupt(info.id, `${pathOf(info.id)} does not contain the images and labels that it states.`);
  }
  const part = (from: number, to: number): LabelledImages => ({
    count: to - from,
    images: images.subarray(from * size, to * size),
    labels: labels.subarray(from, to),
  });
  return {
    train: part(0, train),
    validation: part(train, train + validation),
    test: part(train + validation, count),
  };
}

/** Copies a dataset from a remote store unless a copy exists. */
async function copyDataset(id: string, from: FolderStore, to: FolderStore): Promise<void> {
  if (!isUploadedId(id) || (await to.exists(pathOf(id)))) return;
  const sizes = await from.sizes(pathOf(id)).catch((error: unknown) => {
    if (errorCodeOf(error) === 'checkpoint_missing') return {};
    throw error;
  });
  const files: Record<string, Uint8Array> = {};
  for (const file of Object.keys(sizes)) files[file] = await from.read(pathOf(id), file);
  if (Object.keys(files).length > 0) await to.write(pathOf(id), files);
}

async function readFile(store: FolderStore, id: string, file: string): Promise<Uint8Array | undefined> {
  if (!isUploadedId(id)) return undefined;
  try {
    return await store.read(pathOf(id), file);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'checkpoint_missing') return undefined;
    if (code === 'checkpoint_corrupt') throw corrupt(id, (error as Error).message, error);
    throw error;
  }
}

const corrupt = (id: string, what: string, cause?: unknown): StylographError =>
  new StylographError(
    'dataset_corrupt',
    `${what} Or delete the dataset (DELETE /datasets/${id}) and upload it again.`,
    { cause },
  );
