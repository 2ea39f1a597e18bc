import type { Dataset, DatasetInfo } from '../core/contracts/dataset.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import type { FolderStore } from '../store/index.ts';
import { infoOf } from './info.ts';
import { cacheKey, recall, remember } from './info-cache.ts';
import { type DatasetSource, SOURCES } from './sources.ts';
import { splitOff } from './split.ts';
import { describeStored, listStored, readStored, type Shelf, storedAs } from './stored.ts';

/** Held out of the publisher's training images: 5,000 of MNIST's 60,000. */
const VALIDATION_SHARE = 1 / 12;
/** Ids that an error names. */
const NAMED = 20;

/**
 * Reads a dataset whole, split into train, validation (stratified, always the same) and test.
 *
 * @param store where uploaded datasets are, when not in the data folder; one that is only there is copied to the folder
 * @throws dataset_not_found, dataset_missing, dataset_corrupt, idx_*
 */
export async function loadDataset(id: string, dataDir: string, store?: FolderStore): Promise<Dataset> {
  const source = builtIn(id);
  if (source === undefined) {
    const shelf = { dataDir, store };
    return (await readStored(id, shelf)) ?? (await readStored(await whole(id, shelf), shelf)) ?? gone(id);
  }
  const key = await cacheKey(source.files(dataDir));
  const { training, test, labelNames, width, height, channels } = await source.read(dataDir);
  const held = Math.round(training.count * VALIDATION_SHARE);
  const split = { ...splitOff(training, held, width * height * channels), test };
  const info = infoOf({ id, name: source.name, labelNames, width, height, channels }, split);
  await remember(id, dataDir, key, info);
  return { info, ...split };
}

/**
 * What is known of a dataset without its pixels. Reads the pixels only when its files changed since the last time.
 * @throws as {@link loadDataset}
 */
export async function describeDataset(
  id: string,
  dataDir: string,
  store?: FolderStore,
): Promise<DatasetInfo> {
  const source = builtIn(id);
  if (source === undefined) {
    const shelf = { dataDir, store };
    return (
      (await describeStored(id, shelf)) ?? (await describeStored(await whole(id, shelf), shelf)) ?? gone(id)
    );
  }
  const known = await recall(id, dataDir, await cacheKey(source.files(dataDir)));
  return known ?? (await loadDataset(id, dataDir)).info;
}

/**
 * Every dataset whose files are there. A damaged one is an error and not an absence, so that it gets noticed.
 * @throws dataset_corrupt, idx_*
 */
export async function listDatasets(dataDir: string, store?: FolderStore): Promise<DatasetInfo[]> {
  const infos: DatasetInfo[] = [];
  for (const id of Object.keys(SOURCES)) {
    try {
      infos.push(await describeDataset(id, dataDir));
    } catch (error) {
      if (errorCodeOf(error) !== 'dataset_missing') throw error;
    }
  }
  for (const id of await listStored({ dataDir, store })) {
    // One that was removed meanwhile is no longer in the list.
    const info = await describeStored(id, { dataDir, store });
    if (info !== undefined) infos.push(info);
  }
  return infos;
}

export const isBuiltIn = (id: string): boolean => builtIn(id) !== undefined;

function builtIn(id: string): DatasetSource | undefined {
  const sources: Record<string, DatasetSource> = SOURCES;
  return Object.hasOwn(sources, id) ? sources[id] : undefined;
}

/** The id that was meant by one without its ending. @throws dataset_not_found when there is none, or several */
async function whole(id: string, shelf: Shelf): Promise<string> {
  const meant = await storedAs(id, shelf);
  if (meant.length === 1) return meant[0]!;
  const ids = meant.length > 0 ? meant : [...Object.keys(SOURCES), ...(await listStored(shelf))];
  const named = ids.length > NAMED ? [...ids.slice(0, NAMED), '…'] : ids;
  const which = meant.length > 0 ? 'There are several' : 'Available';
  throw new StylographError(
    'dataset_not_found',
    `There is no dataset "${id}". ${which}: ${named.join(', ')}.`,
  );
}

/** It was removed in this moment. */
function gone(id: string): never {
  throw new StylographError('dataset_not_found', `There is no dataset "${id}" any more.`);
}
