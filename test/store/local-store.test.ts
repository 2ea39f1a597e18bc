import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { errorCodeOf } from '../../src/core/errors.ts';
import { openFolderStore, weightsDigest } from '../../src/store/index.ts';
import { someWeights, temporaryFolder } from './small-models.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);
const withCode =
  (code: string, pattern = /./) =>
  (error: Error) =>
    errorCodeOf(error) === code && pattern.test(error.message);

test('a folder is written, listed, replaced and removed', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  await store.write('runs/a/one', { 'x.json': bytes('1'), 'y.bin': bytes('22') });
  await store.write('runs/a/two', { 'x.json': bytes('2') });
  assert.deepEqual(await store.list('runs/a'), ['one', 'two']);
  assert.deepEqual(await store.list('runs/a/one'), ['x.json', 'y.bin']);
  assert.deepEqual(await store.sizes('runs/a/one'), { 'x.json': 1, 'y.bin': 2 });

  await store.write('runs/a/one', { 'x.json': bytes('new') });
  assert.equal(text(await store.read('runs/a/one', 'x.json')), 'new');
  await assert.rejects(store.read('runs/a/one', 'y.bin'), withCode('checkpoint_corrupt'));

  await store.remove('runs/a/one');
  assert.equal(await store.exists('runs/a/one'), false);
  await assert.rejects(store.read('runs/a/one', 'x.json'), withCode('checkpoint_missing'));
  await store.remove('runs/a/one');
  assert.deepEqual(await readdir(join(root, '.tmp')), []);
});

test('a write that fails before its commit leaves nothing behind', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  await store.write('runs/a', { x: bytes('old') });
  const refusal = new Error('refused');
  await assert.rejects(
    store.write('runs/a', { x: bytes('new') }, { beforeCommit: () => Promise.reject(refusal) }),
    refusal,
  );
  assert.equal(text(await store.read('runs/a', 'x')), 'old');
  assert.deepEqual(await readdir(join(root, '.tmp')), []);
});

test('every kind of damage is detected, and the error names the file', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  const damage: [string, (file: string) => Promise<void>, RegExp][] = [
    ['a flipped bit', (file) => writeFile(file, 'hellp'), /x\.bin is damaged: its digest/],
    ['a cut file', (file) => writeFile(file, 'hel'), /x\.bin is damaged: it has 3 bytes, expected 5/],
    ['a lost file', (file) => rm(file), /x\.bin is damaged: it is missing/],
    ['a lost manifest', (file) => rm(join(file, '../manifest.json')), /manifest\.json is damaged/],
    [
      'a cut manifest',
      (file) => writeFile(join(file, '../manifest.json'), '{"fi'),
      /manifest\.json is damaged/,
    ],
  ];
  for (const [name, apply, pattern] of damage) {
    await store.write('a/b', { 'x.bin': bytes('hello') });
    await apply(join(root, 'a/b/x.bin'));
    await assert.rejects(store.read('a/b', 'x.bin'), withCode('checkpoint_corrupt', pattern), name);
  }
});

test('paths out of the root are refused', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(join(root, 'store'));
  const names = ['..', '../x', 'a/../../x', '/etc', 'a//b', '', 'a/.', '.tmp', 'a\\b', 'a\0b', 'x/'];
  for (const name of names) {
    const refused = withCode('validation_failed');
    await assert.rejects(store.write(name, {}), refused, name);
    await assert.rejects(store.writeFile(name, bytes('x')), refused, name);
    await assert.rejects(store.readFile(name), refused, name);
    await assert.rejects(store.list(name), refused, name);
    await assert.rejects(store.remove(name), refused, name);
    await assert.rejects(store.write('a', { [name]: bytes('x') }), refused, name);
  }
  assert.deepEqual(await readdir(root), ['store']);
});

test('single files are replaced, and missing ones are undefined', async (t) => {
  const store = await openFolderStore(await temporaryFolder(t));
  assert.equal(await store.readFile('aliases/x'), undefined);
  await store.writeFile('aliases/x', bytes('1'));
  await store.writeFile('aliases/x', bytes('2'));
  assert.equal(text(await store.readFile('aliases/x')), '2');
});

test('the error of a full disk names the remedy', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  await assert.rejects(
    store.write('a', { x: bytes('1') }, { beforeCommit: () => Promise.reject(full) }),
    withCode('disk_full', /a could not be written.*Free some space.*DATA_DIR/),
  );
  assert.equal(await store.exists('a'), false);
});

test('old unfinished files are removed, recent ones stay', async (t) => {
  const root = await temporaryFolder(t);
  for (const name of ['old', 'fresh']) {
    await mkdir(join(root, '.tmp', name), { recursive: true });
    await writeFile(join(root, '.tmp', name, 'x'), '');
  }
  await utimes(join(root, '.tmp', 'old'), 1, 1);
  await openFolderStore(root);
  assert.deepEqual(await readdir(join(root, '.tmp')), ['fresh']);
});

test('the digest covers names, shapes, values and order', () => {
  const weights = someWeights();
  const [first, second] = weights as [(typeof weights)[0], (typeof weights)[0]];
  const variants = [
    weights,
    [second, first],
    [{ ...first, name: 'other' }, second],
    [{ ...first, shape: [3, 2] }, second],
    [{ ...first, values: first.values.map((v, i) => (i === 5 ? v + 1e-6 * v : v)) }, second],
    [first],
  ];
  const digests = variants.map(weightsDigest);
  assert.equal(new Set(digests).size, variants.length);
  assert.equal(weightsDigest(someWeights()), digests[0]);
});

test('a reader never sees a partly replaced file', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  await store.writeFile('x', bytes('a'.repeat(50_000)));
  const write = (async () => {
    for (const letter of 'bcdefghij') await store.writeFile('x', bytes(letter.repeat(50_000)));
  })();
  for (let i = 0; i < 50; i++) {
    const seen = await readFile(join(root, 'x'), 'utf8');
    assert.equal(seen, seen[0]!.repeat(50_000));
  }
  await write;
});
