import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { type DatasetUpload, DEFAULT_DATASET_LIMITS } from '../../../src/core/contracts/dataset.ts';
import { picturesFromIdx } from '../../../src/data/upload/idx-pairs.ts';
import { importDataset } from '../../../src/data/upload/import.ts';
import { idx } from '../mnist-files.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stylograph-arrays-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const SIDE = 16;
const COUNT = 60;

/** Encodes an array like NumPy. */
function npy(type: string, shape: readonly number[], body: Uint8Array, fortran = false): Uint8Array {
  const dict = `{'descr': '${type}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape.join(', ')},), }`;
  const header = `${dict}${' '.repeat((64 - ((11 + dict.length) % 64)) % 64)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), body]);
}

/** Images that all differ: noise of a linear congruential generator. */
function noise(count: number, size: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count * size }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state % 100;
  });
}

const labelsOf = (count: number, kinds = 3): Uint8Array =>
  Uint8Array.from({ length: count }, (_, at) => at % kinds);

async function take(files: Record<string, Uint8Array>, fields: Partial<DatasetUpload> = {}) {
  const received = await Promise.all(
    Object.entries(files).map(async ([name, bytes]) => {
      const path = join(folder, name);
      await writeFile(path, bytes);
      return { name, path };
    }),
  );
  const upload: DatasetUpload = { name: 'Arrays', polarity: 'auto', ...fields };
  return await importDataset(
    { fields: upload, files: received },
    DEFAULT_DATASET_LIMITS,
    new AbortController().signal,
  );
}

const npz = (arrays: Record<string, Uint8Array>): Record<string, Uint8Array> => ({
  'set.npz': zipSync(
    Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes])),
  ),
});

test('NPZ with x and y keeps the bytes and the label of every image', async () => {
  const images = noise(COUNT, SIDE ** 2);
  const {
    info,
    train,
    validation,
    test: held,
  } = await take(
    npz({ x: npy('|u1', [COUNT, SIDE, SIDE], images), y: npy('<i8', [COUNT], wide(labelsOf(COUNT))) }),
  );
  assert.deepEqual(
    info.labels.map(({ name, count }) => [name, count]),
    [
      ['0', 20],
      ['1', 20],
      ['2', 20],
    ],
  );
  assert.deepEqual(info.split, { train: 48, validation: 6, test: 6 });
  assert.deepEqual(info.warnings, []);
  const size = SIDE ** 2;
  const all = new Map<string, number>();
  for (let at = 0; at < COUNT; at++) all.set(key(images.subarray(at * size, (at + 1) * size)), at % 3);
  for (const part of [train, validation, held]) {
    for (const [at, label] of part.labels.entries()) {
      assert.equal(all.get(key(part.images.subarray(at * size, (at + 1) * size))), label);
    }
  }
});

const key = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const wide = (labels: Uint8Array): Uint8Array =>
  new Uint8Array(BigInt64Array.from(labels, (label) => BigInt(label)).buffer);

test('equal uploads get the same split and id; another name or label gives another id', async () => {
  const arrays = npz({
    x: npy('|u1', [COUNT, SIDE, SIDE], noise(COUNT, SIDE ** 2)),
    y: npy('|u1', [COUNT], labelsOf(COUNT)),
  });
  const [first, second, third, fourth] = [
    await take(arrays),
    await take(arrays),
    await take(arrays, { name: 'Others' }),
    await take(arrays, { labels: ['a', 'b', 'c'] }),
  ];
  assert.deepEqual(first.test.images, second.test.images);
  assert.equal(first.info.id, second.info.id);
  assert.equal(first.info.digest, third.info.digest);
  assert.equal(new Set([first, third, fourth].map(({ info }) => info.id)).size, 3);
  assert.deepEqual(
    fourth.info.labels.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
});

test('NPZ with x_train and x_test accepts floats from 0 to 1, channels first and string labels', async () => {
  const size = SIDE ** 2 * 3;
  const image = (count: number, seed: number): Uint8Array =>
    new Uint8Array(Float32Array.from(noise(count, size, seed), (level) => level / 99).buffer);
  const text = (count: number): Uint8Array =>
    Buffer.concat(
      Array.from({ length: count }, (_, at) =>
        Buffer.from(at % 2 ? 'b\0\0\0o\0\0\0' : 'a\0\0\0\0\0\0\0', 'latin1'),
      ),
    );
  const { info, train } = await take(
    npz({
      x_train: npy('<f4', [40, 3, SIDE, SIDE], image(40, 1)),
      y_train: npy('<U2', [40], text(40)),
      x_test: npy('<f4', [10, 3, SIDE, SIDE], image(10, 2)),
      y_test: npy('<U2', [10], text(10)),
    }),
  );
  assert.deepEqual(
    info.labels.map(({ name }) => name),
    ['a', 'bo'],
  );
  assert.deepEqual([info.channels, info.split.test], [3, 10]);
  assert.match(info.warnings.join(' '), /no images for validation: a twelfth/);
  assert.equal(info.split.train + info.split.validation, 40);
  const plane = noise(40, size, 1);
  const expected = [0, 1, 2].map((channel) => Math.round((plane[channel * SIDE ** 2]! / 99) * 255));
  assert.deepEqual([...train.images.subarray(0, 3)], expected);
});

test('IDX pairs are accepted as two files and in one zip; 28 × 28 is not resized', async () => {
  const images = idx([COUNT, 28, 28], noise(COUNT, 784));
  const labels = idx([COUNT], labelsOf(COUNT, 10));
  const pair = await take({ 'images-idx3-ubyte.gz': gzipSync(images), 'labels-idx1-ubyte': labels });
  assert.deepEqual([pair.info.width, pair.info.channels, pair.info.labels.length], [28, 1, 10]);
  const zipped = await take({
    'both.zip': zipSync({
      'train-images-idx3-ubyte': images,
      'train-labels-idx1-ubyte': labels,
      't10k-images-idx3-ubyte.gz': gzipSync(idx([10, 28, 28], noise(10, 784, 5))),
      't10k-labels-idx1-ubyte': idx([10], labelsOf(10, 10)),
    }),
  });
  assert.equal(zipped.info.split.test, 10);
});

test('gzipped IDX files share one limit of unpacked bytes', () => {
  const part = (name: string) => [
    { name: `${name}-images-idx3-ubyte.gz`, bytes: gzipSync(idx([COUNT, 28, 28], noise(COUNT, 784))) },
    { name: `${name}-labels-idx1-ubyte.gz`, bytes: gzipSync(idx([COUNT], labelsOf(COUNT, 10))) },
  ];
  const open = (unpackedBytes: number) =>
    picturesFromIdx([...part('train'), ...part('t10k')], undefined, {
      ...DEFAULT_DATASET_LIMITS,
      unpackedBytes,
    });
  const oneImages = 16 + COUNT * 784;
  assert.doesNotThrow(() => open(2 * (oneImages + 8 + COUNT)));
  assert.throws(() => open(1.5 * oneImages), /t10k-images.*unpacks to more than .*DATASET_UNPACKED_MIB/);
});

test('images of other sizes are resized to the nearest allowed side', async () => {
  const small = npz({
    x: npy('|u1', [COUNT, 64], noise(COUNT, 64)),
    y: npy('|u1', [COUNT], labelsOf(COUNT)),
  });
  assert.equal((await take(small)).info.width, 16);
  assert.equal((await take(small, { size: 20 })).info.width, 20);
});

test('unusable arrays are refused with the remedy', async (context) => {
  const x = npy('|u1', [COUNT, SIDE, SIDE], noise(COUNT, SIDE ** 2));
  const y = npy('|u1', [COUNT], labelsOf(COUNT));
  const unusable: [
    what: string,
    arrays: Record<string, Uint8Array>,
    says: RegExp,
    fields?: Partial<DatasetUpload>,
  ][] = [
    ['unknown array names', npz({ a: x, b: y }), /contains a, b\. Name its arrays x and y/],
    ['Python objects', npz({ x: npy('|O', [COUNT], zeros(COUNT)), y }), /elements of the type \|O/],
    [
      'Fortran order',
      npz({ x: npy('|u1', [COUNT, SIDE, SIDE], zeros(COUNT * SIDE ** 2), true), y }),
      /ascontiguousarray/,
    ],
    ['a truncated array', npz({ x: x.subarray(0, 5_000), y }), /its header states/],
    ['fewer labels than images', npz({ x, y: npy('|u1', [9], labelsOf(9)) }), /60 images and 9 labels/],
    [
      'levels beyond 255',
      npz({ x: npy('<u2', [COUNT, 4, 4], new Uint8Array(COUNT * 32).fill(9)), y }),
      /Scale them to 0…255/,
    ],
    [
      'a shape that is not of images',
      npz({ x: npy('|u1', [COUNT, 5], zeros(COUNT * 5)), y }),
      /shape \(60, 5\)/,
    ],
    ['fewer names than labels', npz({ x, y }), /`labels` names only 2/, { labels: ['a', 'b'] }],
    [
      'labels without images',
      { 'labels-idx1-ubyte': idx([COUNT], labelsOf(COUNT)) },
      /only labels\. Send the file with its images/,
    ],
    [
      'a truncated IDX file',
      {
        'images-idx3-ubyte': idx([COUNT, 28, 28], zeros(50)),
        'labels-idx1-ubyte': idx([COUNT], labelsOf(COUNT)),
      },
      /ends too early/,
    ],
  ];
  for (const [what, files, says, fields] of unusable) {
    await context.test(what, () =>
      assert.rejects(take(files, fields), { code: 'invalid_dataset', message: says }),
    );
  }
});

const zeros = (count: number): Uint8Array => new Uint8Array(count);
