import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A temporary DATA_DIR, removed after the test. */
export async function temporaryDataDir(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stylograph-data-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** An IDX file of unsigned bytes. */
export function idx(
  dimensions: readonly number[],
  body: Uint8Array,
  magic = 0x0800 + dimensions.length,
): Buffer {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(magic, 0);
  for (const [index, size] of dimensions.entries()) header.writeUInt32BE(size, 4 + 4 * index);
  return Buffer.concat([header, body]);
}

export interface SmallSet {
  'train-images-idx3-ubyte': Buffer;
  'train-labels-idx1-ubyte': Buffer;
  't10k-images-idx3-ubyte': Buffer;
  't10k-labels-idx1-ubyte': Buffer;
}

/** 240 training and 20 test images of 3 × 2 pixels; each image's first two bytes number it, labels run 0–9. */
export function smallSet(): SmallSet {
  const images = (count: number): Buffer => {
    const body = new Uint8Array(count * 6);
    for (let index = 0; index < count; index++) body.set([index >> 8, index & 255, 7], index * 6);
    return idx([count, 2, 3], body);
  };
  const labels = (count: number): Buffer =>
    idx(
      [count],
      Uint8Array.from({ length: count }, (_, i) => i % 10),
    );
  return {
    'train-images-idx3-ubyte': images(240),
    'train-labels-idx1-ubyte': labels(240),
    't10k-images-idx3-ubyte': images(20),
    't10k-labels-idx1-ubyte': labels(20),
  };
}

/** Writes files to the folder of a user's own MNIST. */
export async function writeOwnMnist(dataDir: string, files: Record<string, Uint8Array>): Promise<string> {
  const folder = join(dataDir, 'datasets', 'mnist');
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  return folder;
}

/**
 * Puts an MNIST of 240 training images into a data folder: bars, whose position follows from the label. Runs on it load
 * at once. With fewer than 20 test images, as by default, they are not evaluated.
 */
export async function writeSmallMnist(dataDir: string, { testImages = 18 } = {}): Promise<void> {
  const part = (count: number) => {
    const images = new Uint8Array(count * 784);
    for (let index = 0; index < count; index++) {
      const column = 4 + 2 * (index % 10);
      const length = 6 + (Math.floor(index / 10) % 20);
      for (let row = 0; row < length; row++)
        images.fill(255, index * 784 + row * 28 + column, index * 784 + row * 28 + column + 2);
    }
    return {
      images: idx([count, 28, 28], images),
      labels: idx(
        [count],
        Uint8Array.from({ length: count }, (_, i) => i % 10),
      ),
    };
  };
  const [train, test] = [part(240), part(testImages)];
  await writeOwnMnist(dataDir, {
    'train-images-idx3-ubyte': train.images,
    'train-labels-idx1-ubyte': train.labels,
    't10k-images-idx3-ubyte': test.images,
    't10k-labels-idx1-ubyte': test.labels,
  });
}
