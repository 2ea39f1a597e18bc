import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageSet } from './image-sets.ts';
import type { KidSubset } from './metrics/kid.ts';
import type { ImageSize } from './metrics/planes.ts';

/** Everything that an evaluation scored, and the random choices it made: enough to repeat the scoring. */
export interface ScoredImages {
  size: ImageSize;
  /** The test images that others are compared with. */
  real: ImageSet;
  samples: ImageSet;
  /** The first of `real`, decoded from their means. */
  reconstructions: ImageSet;
  /** Row by row one of the first of `real`, its columns the labels. */
  transfers: ImageSet;
  kidSubsets: KidSubset[];
}

const UNSIGNED_BYTES = 0x08;
const INT32 = 0x0c;

/** An IDX file (http://yann.lecun.com/exdb/mnist/): type, sizes, then the values, big-endian. */
function idx(type: number, sizes: number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.set([0, 0, type, sizes.length]);
  for (const [i, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, values]);
}

function integers(rows: Uint32Array[]): Uint8Array {
  const bytes = Buffer.alloc(rows.reduce((sum, row) => sum + 4 * row.length, 0));
  let at = 0;
  for (const row of rows) for (const value of row) at = bytes.writeUInt32BE(value, at);
  return bytes;
}

/**
 * Writes the images as IDX files, grey ones in MNIST's shape, and the scores as `evaluation.json`.
 * scripts/score-samples.py scores such a folder independently.
 */
export async function exportImages(folder: string, scored: ScoredImages, evaluation: unknown): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { height, width, channels } = scored.size;
  const one = channels === 1 ? [height, width] : [height, width, channels];
  for (const name of ['real', 'samples', 'reconstructions', 'transfers'] as const) {
    const { images, labels } = scored[name];
    await writeFile(join(folder, `${name}-images.idx`), idx(UNSIGNED_BYTES, [labels.length, ...one], images));
    await writeFile(join(folder, `${name}-labels.idx`), idx(UNSIGNED_BYTES, [labels.length], labels));
  }
  const { kidSubsets } = scored;
  const rows = kidSubsets.flatMap(({ real, generated }) => [real, generated]);
  const sizes = [kidSubsets.length, 2, rows[0]?.length ?? 0];
  await writeFile(join(folder, 'kid-subsets.idx'), idx(INT32, sizes, integers(rows)));
  await writeFile(join(folder, 'evaluation.json'), `${JSON.stringify(evaluation, null, 2)}\n`);
}
