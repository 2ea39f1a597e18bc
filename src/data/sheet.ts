import type { Dataset } from '../core/contracts/dataset.ts';
import { encodePng, tileImages } from './images/index.ts';

const SAMPLES = 10;
/** Images of a label that its mean is taken of. */
const AVERAGED = 1_000;

/** A row a label: the mean of its images, then the first of them. */
export function drawSheet({ info, train }: Pick<Dataset, 'info' | 'train'>): Buffer {
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
