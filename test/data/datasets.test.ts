import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DatasetInfo } from '../../src/core/contracts/dataset.ts';
import { Datasets, loadDataset } from '../../src/data/datasets.ts';
import { idx, smallSet, temporaryDataDir, writeOwnMnist } from './mnist-files.ts';

const MNIST_DIGEST = 'dff0644a4f72925cdf1127a50a9d424e9528a05f8dc6481f20e0faedaea4ecca';

test('MNIST has its counts, labels, stratified split and digest', async (context) => {
  const { info, train, validation, test: held } = await loadDataset('mnist', await temporaryDataDir(context));
  DatasetInfo.parse(info);
  assert.deepEqual(info.split, { train: 55_000, validation: 5_000, test: 10_000 });
  assert.deepEqual([info.width, info.height, info.channels], [28, 28, 1]);
  assert.deepEqual(
    info.labels.map(({ name }) => name),
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  );
  assert.deepEqual(
    info.labels.map(({ count }) => count),
    [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958],
  );
  for (const part of [train, validation, held]) {
    assert.equal(part.images.length, part.count * 784);
    assert.equal(part.labels.length, part.count);
  }
  const perLabel = (labels: Uint8Array, label: number) => labels.filter((other) => other === label).length;
  for (let label = 0; label < 10; label++) {
    const share = (perLabel(train.labels, label) + perLabel(validation.labels, label)) / 12;
    assert.ok(Math.abs(perLabel(validation.labels, label) - share) < 1, `label ${label}`);
  }
  assert.equal(info.digest, MNIST_DIGEST);
});

const FASHION_DIGEST = '580a33cf19e259e7767bb080cd90c9b5d62aa1d597f2042206110076d9c5422a';

test('Fashion-MNIST has its counts, label names, split and digest', async (context) => {
  const dataDir = await temporaryDataDir(context);
  const info = await new Datasets(dataDir).describe('fashion-mnist').catch((error) => {
    if (error.code !== 'dataset_missing') throw error;
  });
  if (!info)
    return context.skip('Fashion-MNIST is not installed; npm run setup fetches it on systems with apt-get');
  assert.deepEqual(info.split, { train: 55_000, validation: 5_000, test: 10_000 });
  assert.deepEqual(
    info.labels.map(({ name, count }) => [name, count]),
    'T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot'
      .split(',')
      .map((name) => [name, 7000]),
  );
  assert.equal(info.digest, FASHION_DIGEST);
});

test('the digest covers images and labels of all parts in order', async (context) => {
  const dataDir = await temporaryDataDir(context);
  await writeOwnMnist(dataDir, { ...smallSet() });
  const { info, train, validation, test: held } = await loadDataset('mnist', dataDir);
  const hash = createHash('sha256');
  for (const part of [train, validation, held]) hash.update(part.images).update(part.labels);
  assert.equal(info.digest, hash.digest('hex'));
});

test("a user's own files take precedence over the packaged ones, gzipped or not", async (context) => {
  const dataDir = await temporaryDataDir(context);
  const { 'train-images-idx3-ubyte': packed, ...plain } = smallSet();
  await writeOwnMnist(dataDir, { ...plain, 'train-images-idx3-ubyte.gz': gzipSync(packed) });
  const { info, train, validation } = await loadDataset('mnist', dataDir);
  assert.deepEqual([info.width, info.height, info.split], [3, 2, { train: 220, validation: 20, test: 20 }]);
  const identities = [train, validation].flatMap(({ images, count }) =>
    Array.from({ length: count }, (_, at) => images[at * 6]! * 256 + images[at * 6 + 1]!),
  );
  assert.equal(new Set(identities).size, 240);
});

test('the description of a dataset is cached in DATA_DIR and follows changes of its files', async (context) => {
  const dataDir = await temporaryDataDir(context);
  const files = smallSet();
  const folder = await writeOwnMnist(dataDir, { ...files });
  const before = await new Datasets(dataDir).describe('mnist');
  const stored = JSON.parse(await readFile(join(dataDir, 'datasets', 'mnist.info.json'), 'utf8'));
  assert.deepEqual(stored.info, before);
  assert.deepEqual(await new Datasets(dataDir).describe('mnist'), before);

  const changed = files['t10k-images-idx3-ubyte'];
  await writeFile(
    join(folder, 't10k-images-idx3-ubyte'),
    Buffer.concat([changed.subarray(0, -1), Buffer.of(99)]),
  );
  assert.notEqual((await new Datasets(dataDir).describe('mnist')).digest, before.digest);
});

test('a damaged cache is rewritten', async (context) => {
  const dataDir = await temporaryDataDir(context);
  await writeOwnMnist(dataDir, { ...smallSet() });
  const cache = join(dataDir, 'datasets', 'mnist.info.json');
  await writeFile(cache, '{"key": "half a fi');
  const info = await new Datasets(dataDir).describe('mnist');
  assert.deepEqual(JSON.parse(await readFile(cache, 'utf8')).info, info);
});

test('the error for an unknown dataset lists the available ones', async (context) => {
  const dataDir = await temporaryDataDir(context);
  for (const id of ['mnits', '__proto__', 'constructor']) {
    await assert.rejects(loadDataset(id, dataDir), {
      code: 'dataset_not_found',
      message: /Available: mnist/,
    });
  }
});

test('a missing file is an error with the remedy, and the dataset is not listed', async (context) => {
  const dataDir = await temporaryDataDir(context);
  const { 't10k-labels-idx1-ubyte': _left, ...rest } = smallSet();
  await writeOwnMnist(dataDir, rest);
  await assert.rejects(loadDataset('mnist', dataDir), {
    code: 'dataset_missing',
    message: /t10k-labels-idx1-ubyte.*does not exist.*remove/s,
  });
  assert.ok((await new Datasets(dataDir).list()).every(({ id }) => id !== 'mnist'));
});

test('the list contains the datasets whose files exist', async (context) => {
  const dataDir = await temporaryDataDir(context);
  await writeOwnMnist(dataDir, { ...smallSet() });
  const [first, ...others] = await new Datasets(dataDir).list();
  assert.deepEqual(first, await new Datasets(dataDir).describe('mnist'));
  assert.ok(others.every(({ id }) => id === 'fashion-mnist'));
});

const small = smallSet();
const damaged: [name: string, files: Record<string, Buffer>, code: string, detail: RegExp][] = [
  [
    'fewer labels than images',
    { 'train-labels-idx1-ubyte': idx([239], new Uint8Array(239)) },
    'idx_count_mismatch',
    /train-labels.*239 labels, expected 240.*train-images/s,
  ],
  [
    'a label out of range',
    { 't10k-labels-idx1-ubyte': idx([20], new Uint8Array(20).fill(10, 4)) },
    'dataset_corrupt',
    /t10k-labels.*item 4 the label 10, expected 0 to 9/s,
  ],
  [
    'test images of another size',
    { 't10k-images-idx3-ubyte': idx([20, 3, 2], new Uint8Array(120)) },
    'dataset_corrupt',
    /t10k-images.*2×3 pixels, expected 3×2/s,
  ],
  [
    'a truncated file',
    { 'train-images-idx3-ubyte': small['train-images-idx3-ubyte'].subarray(0, -1) },
    'idx_truncated',
    /train-images.*expected 1456 bytes, found 1455.*Replace it/s,
  ],
];
for (const [name, files, code, detail] of damaged) {
  test(`${name} is refused as ${code}`, async (context) => {
    const dataDir = await temporaryDataDir(context);
    await writeOwnMnist(dataDir, { ...small, ...files });
    await assert.rejects(loadDataset('mnist', dataDir), { code, message: detail });
    await assert.rejects(new Datasets(dataDir).list(), { code });
  });
}
