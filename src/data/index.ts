import { createHash } from 'node:crypto';
import type { Dataset, DatasetInfo } from '../contracts/dataset.ts';
import { errorCodeOf, StylographError } from '../errors.ts';
import { cacheKey, recall, remember } from './info-cache.ts';
import { type DatasetSource, SOURCES } from './sources.ts';
import { splitOff } from './split.ts';

/** Held out of the publisher's training images: 5,000 of MNIST's 60,000. */
const VALIDATION_SHARE = 1 / 12;

/**
 * Reads a dataset whole, split into train, validation (stratified, always the same) and test.
 * @throws dataset_not_found, dataset_missing, dataset_corrupt, idx_*
 */
export async function loadDataset(id: string, dataDir: string): Promise<Dataset> {
  const source = sourceOf(id);
  const key = await cacheKey(source.files(dataDir));
  const { labelNames, training, test, width, height, channels } = await source.read(dataDir);
  const { train, validation } = splitOff(
    training,
    Math.round(training.count * VALIDATION_SHARE),
    width * height * channels,
  );
  const parts = [train, validation, test];
  const counts = new Array<number>(labelNames.length).fill(0);
  const hash = createHash('sha256');
  for (const { images, labels } of parts) {
    hash.update(images).update(labels);
    for (const label of labels) counts[label]!++;
  }
  const info: DatasetInfo = {
    id,
    name: source.name,
    labels: labelNames.map((name, index) => ({ index, name, count: counts[index]! })),
    width,
    height,
    channels,
    split: { train: train.count, validation: validation.count, test: test.count },
    digest: hash.digest('hex'),
  };
  await remember(id, dataDir, key, info);
  return { info, train, validation, test };
}

/**
 * What is known of a dataset without its pixels. Reads the pixels only when its files changed since the last time.
 * @throws as {@link loadDataset}
 */
export async function describeDataset(id: string, dataDir: string): Promise<DatasetInfo> {
  const known = await recall(id, dataDir, await cacheKey(sourceOf(id).files(dataDir)));
  return known ?? (await loadDataset(id, dataDir)).info;
}

/**
 * Every dataset whose files are there. A damaged one is an error and not an absence, so that it gets noticed.
 * @throws dataset_corrupt, idx_*
 */
export async function listDatasets(dataDir: string): Promise<DatasetInfo[]> {
  const infos: DatasetInfo[] = [];
  for (const id of Object.keys(SOURCES)) {
    try {
      infos.push(await describeDataset(id, dataDir));
    } catch (error) {
      if (errorCodeOf(error) !== 'dataset_missing') throw error;
    }
  }
  return infos;
}

function sourceOf(id: string): DatasetSource {
  const sources: Record<string, DatasetSource> = SOURCES;
  if (Object.hasOwn(sources, id)) return sources[id]!;
  throw new StylographError(
    'dataset_not_found',
    `There is no dataset "${id}". Available: ${Object.keys(sources).join(', ')}.`,
  );
}
