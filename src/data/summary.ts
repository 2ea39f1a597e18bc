import { createHash } from 'node:crypto';
import type { Dataset, DatasetInfo } from '../core/contracts/dataset.ts';
import { encodePng } from './images/png.ts';
import { tileImages } from './images/tiling.ts';

/** Samples of each label on a sheet. */
const SAMPLES = 10;
/** Images of each label that its mean covers. */
const AVERAGED = 1_000;

interface Named extends Pick<DatasetInfo, 'id' | 'name' | 'width' | 'height' | 'channels'> {
  labelNames: readonly string[];
}

/** Counts the images of a split dataset and computes its digest. */
export function summarize(
  { labelNames, ...named }: Named,
  { train, validation, test }: Omit<Dataset, 'info'>,
): DatasetInfo {
  const counts = new Array<number>(labelNames.length).fill(0);
  const hash = createHash('sha256');
  for (const { images, labels } of [train, validation, test]) {
    hash.update(images).update(labels);
    for (const label of labels) counts[label]!++;
  }
  return {
    ...named,
    labels: labelNames.map((name, index) => ({ index, name, count: counts[index]! })),
    split: { train: train.count, validation: validation.count, test: test.count },
    digest: hash.digest('hex'),
    warnings: [],
    createdAt: null,
  };
}

/** Draws a PNG with one row per label: the mean of its images, then the first of them. */
export function drawDatasetSheet({ info, train }: Pick<Dataset, 'info' | 'train'>): Buffer {
  const { width, height, channels } = info;
  const size = width * height * channels;
  const rows = info.labels.map((): Uint8Array[] => []);
  for (let at = 0; at < train.count; at++) {
    const row = rows[train.labels[at]!];
    if (row && row.length < AVERAGED) row.push(train.images.subarray(at * size, (at + 1) * size));
  }
  const blank = new Uint8Array(size);
  const cells = rows.flatMap((row) => [
    meanOf(row, size),
    ...Array.from({ length: SAMPLES }, (_, at) => row[at] ?? blank),
  ]);
  const sheet = tileImages(cells, { width, height, channels, columns: SAMPLES + 1 });
  return encodePng(sheet.pixels, { ...sheet, text: { Software: 'Stylograph', digest: info.digest } });
}

function meanOf(images: readonly Uint8Array[], size: number): Uint8Array {
  const sums = new Float64Array(size);
  for (const image of images) for (let at = 0; at < size; at++) sums[at]! += image[at]!;
  return Uint8Array.from(sums, (sum) => Math.round(sum / Math.max(1, images.length)));
}
