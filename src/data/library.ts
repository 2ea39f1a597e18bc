import type { DatasetInfo, DatasetLimits } from '../core/contracts/dataset.ts';
import { DEFAULT_DATASET_LIMITS } from '../core/contracts/dataset.ts';
import { StylographError } from '../core/errors.ts';
import type { FolderStore } from '../store/index.ts';
import { describeDataset, isBuiltIn, listDatasets, loadDataset } from './index.ts';
import { drawSheet } from './sheet.ts';
import { removeStored, storedSheet } from './stored.ts';
import { Inbox, sweepInboxes } from './upload/inbox.ts';

export interface LibraryOptions {
  dataDir: string;
  /** The store's location: a folder or `s3://…`. */
  storeRoot: string;
  store: FolderStore;
  limits?: Partial<DatasetLimits>;
  /** Path of the module that takes an upload in. */
  uploadChild: string;
}

const RETRY_SECONDS = 30;

/** All datasets that a server knows: the built-in ones, and those that were uploaded to its store. */
export class DatasetLibrary {
  readonly #dataDir: string;
  readonly #storeRoot: string;
  readonly #store: FolderStore | undefined;
  readonly #limits: DatasetLimits;
  readonly #uploadChild: string;
  /** Of built-in ones, by digest: reading their pixels takes a while. */
  readonly #sheets = new Map<string, Promise<Uint8Array>>();
  #receiving = 0;

  constructor({ dataDir, storeRoot, store, limits, uploadChild }: LibraryOptions) {
    this.#dataDir = dataDir;
    this.#storeRoot = storeRoot;
    this.#store = storeRoot === dataDir ? undefined : store;
    this.#limits = { ...DEFAULT_DATASET_LIMITS, ...limits };
    this.#uploadChild = uploadChild;
  }

  /** Removes what uploads left behind whose process is gone. */
  async sweep(): Promise<void> {
    await sweepInboxes(this.#dataDir);
  }

  async list(): Promise<DatasetInfo[]> {
    return await listDatasets(this.#dataDir, this.#store);
  }

  async describe(id: string): Promise<DatasetInfo> {
    return await describeDataset(id, this.#dataDir, this.#store);
  }

  /** A PNG, a row a label: the mean of its images, and some of them. @throws dataset_not_found */
  async sheet({ id, digest }: Pick<DatasetInfo, 'id' | 'digest'>): Promise<Uint8Array> {
    const stored = await storedSheet(id, { dataDir: this.#dataDir, store: this.#store });
    if (stored !== undefined) return stored;
    const drawn = this.#sheets.get(digest) ?? loadDataset(id, this.#dataDir, this.#store).then(drawSheet);
    this.#sheets.set(digest, drawn);
    drawn.catch(() => this.#sheets.delete(digest));
    return await drawn;
  }

  /** A place for the files of one upload; whoever asked for it empties it. @throws queue_full */
  async receive(): Promise<Inbox> {
    if (this.#receiving >= this.#limits.uploads) {
      throw new StylographError(
        'queue_full',
        `${this.#receiving} datasets are being taken in, as many as DATASET_UPLOADS allows. Try again later.`,
        { retryAfter: RETRY_SECONDS },
      );
    }
    this.#receiving++;
    const release = (): void => void this.#receiving--;
    try {
      return await Inbox.open({
        dataDir: this.#dataDir,
        storeRoot: this.#storeRoot,
        limits: this.#limits,
        uploadChild: this.#uploadChild,
        release,
      });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** @throws dataset_built_in, dataset_not_found */
  async remove(id: string): Promise<void> {
    if (isBuiltIn(id)) {
      throw new StylographError(
        'dataset_built_in',
        `${id} is built in and stays; only uploaded datasets can be deleted.`,
      );
    }
    if (await removeStored(id, { dataDir: this.#dataDir, store: this.#store })) return;
    throw new StylographError(
      'dataset_not_found',
      `There is no dataset "${id}"; GET /datasets lists them all.`,
    );
  }
}
