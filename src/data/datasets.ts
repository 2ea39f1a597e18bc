import { BUILT_IN_DATASETS, isBuiltIn } from '../core/contracts/built-in.ts';
import type { Dataset, DatasetInfo } from '../core/contracts/dataset.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import type { FolderStore } from '../store/index.ts';
import { BuiltInDatasets } from './built-in.ts';
import { UploadedDatasets } from './uploaded.ts';

/** Ids that an error lists. */
const LISTED = 20;

/** Reads built-in and uploaded datasets. */
export class Datasets {
  readonly builtIn: BuiltInDatasets;
  readonly uploaded: UploadedDatasets;

  /** @param store contains the uploaded datasets; omit it if the data folder is the store */
  constructor(dataDir: string, store?: FolderStore) {
    this.builtIn = new BuiltInDatasets(dataDir);
    this.uploaded = new UploadedDatasets({ dataDir, store });
  }

  /**
   * Reads all images and labels. The id of an uploaded dataset may omit its digest if that is unambiguous.
   * @throws dataset_not_found, dataset_missing, dataset_corrupt, idx_*
   */
  async load(id: string): Promise<Dataset> {
    if (isBuiltIn(id)) return await this.builtIn.load(id);
    return (
      (await this.uploaded.load(id)) ??
      (await this.uploaded.load(await this.#withDigest(id))) ??
      throwRemoved(id)
    );
  }

  /** @throws as {@link load} */
  async describe(id: string): Promise<DatasetInfo> {
    if (isBuiltIn(id)) return await this.builtIn.describe(id);
    return (
      (await this.uploaded.describe(id)) ??
      (await this.uploaded.describe(await this.#withDigest(id))) ??
      throwRemoved(id)
    );
  }

  /**
   * Describes every dataset whose files exist. A damaged one is an error rather than left out, so that somebody notices.
   * @throws dataset_corrupt, idx_*
   */
  async list(): Promise<DatasetInfo[]> {
    const infos: DatasetInfo[] = [];
    for (const id of BUILT_IN_DATASETS) {
      try {
        infos.push(await this.builtIn.describe(id));
      } catch (error) {
        if (errorCodeOf(error) !== 'dataset_missing') throw error;
      }
    }
    for (const id of await this.uploaded.ids()) {
      // It may have been removed in the meantime.
      const info = await this.uploaded.describe(id);
      if (info !== undefined) infos.push(info);
    }
    return infos;
  }

  /** Completes an id without a digest. @throws dataset_not_found if no dataset matches, or several */
  async #withDigest(id: string): Promise<string> {
    const matches = await this.uploaded.idsWithoutDigest(id);
    if (matches.length === 1) return matches[0]!;
    const ids = matches.length > 0 ? matches : [...BUILT_IN_DATASETS, ...(await this.uploaded.ids())];
    const listed = ids.length > LISTED ? [...ids.slice(0, LISTED), '…'] : ids;
    const which = matches.length > 0 ? 'Several match' : 'Available';
    throw new StylographError(
      'dataset_not_found',
      `There is no dataset "${id}". ${which}: ${listed.join(', ')}.`,
    );
  }
}

/** As {@link Datasets.load}, for a program that loads one dataset. */
export async function loadDataset(id: string, dataDir: string, store?: FolderStore): Promise<Dataset> {
  return await new Datasets(dataDir, store).load(id);
}

function throwRemoved(id: string): never {
  throw new StylographError('dataset_not_found', `The dataset "${id}" has just been removed.`);
}
