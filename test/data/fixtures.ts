import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A temporary DATA_DIR that is gone after the test. */
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

/** Puts files where a user's own MNIST goes. */
export async function writeOwnMnist(dataDir: string, files: Record<string, Uint8Array>): Promise<string> {
  const folder = join(dataDir, 'datasets', 'mnist');
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  return folder;
}
