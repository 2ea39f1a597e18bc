import { isBuiltIn } from '../core/contracts/built-in.ts';
import type { DatasetInfo, DatasetLimits } from '../core/contracts/dataset.ts';
import { DEFAULT_DATASET_LIMITS } from '../core/contracts/dataset.ts';
import { StylographError } from '../core/errors.ts';
import type { FolderStore } from '../store/index.ts';
import { Datasets } from './datasets.ts';
import { drawDatasetSheet } from './summary.ts';
import { PendingUpload, removeAbandonedUploads } from './upload/pending-upload.ts';

export interface LibraryOptions {
  dataDir: string;
  /** The store's location: a folder or `s3://…`. */
  storeRoot: string;
  store: FolderStore;
  limits?: Partial<DatasetLimits>;
  /** Path of the module that child processes run to import an upload. */
  uploadChild: string;
}

const RETRY_SECONDS = 30;

/** The datasets of a server: built-in ones and those uploaded to its store. */
export class DatasetLibrary {
  readonly #dataDir: string;
  readonly #storeRoot: string;
  readonly #datasets: Datasets;
  readonly #limits: DatasetLimits;
  readonly #uploadChild: string;
  /** Sheets of built-in datasets by digest: reading their pixels takes a while. */
  readonly #sheets = new Map<string, Promise<Uint8Array>>();
  #uploads = 0;

  constructor({ dataDir, storeRoot, store, limits, uploadChild }: LibraryOptions) {
    this.#dataDir = dataDir;
    this.#storeRoot = storeRoot;
    this.#datasets = new Datasets(dataDir, storeRoot === dataDir ? undefined : store);
    this.#limits = { ...DEFAULT_DATASET_LIMITS, ...limits };
    this.#uploadChild = uploadChild;
  }

  /** Removes the files of uploads whose process has died. */
  async sweep(): Promise<void> {
    await removeAbandonedUploads(this.#dataDir);
  }

  async list(): Promise<DatasetInfo[]> {
    return await this.#datasets.list();
  }

  async describe(id: string): Promise<DatasetInfo> {
    return await this.#datasets.describe(id);
  }

  /** A PNG with one row per label: the mean of its images, then the first of them. @throws dataset_not_found */
  async sheet({ id, digest }: Pick<DatasetInfo, 'id' | 'digest'>): Promise<Uint8Array> {
    const stored = await this.#datasets.uploaded.sheet(id);
    if (stored !== undefined) return stored;
    const drawn = this.#sheets.get(digest) ?? this.#datasets.load(id).then(drawDatasetSheet);
    this.#sheets.set(digest, drawn);
    drawn.catch(() => this.#sheets.delete(digest));
    return await drawn;
  }

  /** Starts an upload. The caller must discard it in the end. @throws queue_full */
  async receive(): Promise<PendingUpload> {
    if (this.#uploads >= this.#limits.uploads) {
      throw new StylographError(
        'queue_full',
        `${this.#uploads} datasets are being imported, the limit of DATASET_UPLOADS. Try again later.`,
        { retryAfter: RETRY_SECONDS },
      );
    }
    this.#uploads++;
    const onDiscard = (): void => void this.#uploads--;
    try {
      return await PendingUpload.create({
        dataDir: this.#dataDir,
        storeRoot: this.#storeRoot,
        limits: this.#limits,
        uploadChild: this.#uploadChild,
        onDiscard,
      });
    } catch (error) {
      onDiscard();
      throw error;
    }
  }

  /** @throws dataset_built_in, dataset_not_found */
  async remove(id: string): Promise<void> {
    if (isBuiltIn(id)) {
      throw new StylographError(
        'dataset_built_in',
        `${id} is built in. Only uploaded datasets can be deleted.`,
      );
    }
    if (await this.#datasets.uploaded.remove(id)) return;
    throw new StylographError(
      'dataset_not_found',
      `There is no dataset "${id}"; GET /datasets lists all datasets.`,
    );
  }
}
