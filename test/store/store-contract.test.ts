import assert from 'node:assert/strict';
import { readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { newRunId } from '../../src/core/contracts/common.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { errorCodeOf } from '../../src/core/errors.ts';
import {
  claimRun,
  type FolderStore,
  latestCheckpoint,
  listCheckpoints,
  ModelRegistry,
  openStore,
  saveCheckpoint,
} from '../../src/store/index.ts';
import { noS3, startS3 } from './s3-server.ts';
import { pause, someModel, someState, temporaryFolder } from './small-models.ts';

/** The contract of FolderStore, tested with a folder on a disk and with a bucket of a real S3 server. */

interface Place {
  store: FolderStore;
  /** Folder of the store's files. */
  root: string;
}
const kinds: [string, string | false, (t: TestContext) => Promise<Place>][] = [
  [
    'folder',
    false,
    async (t) => {
      const root = await temporaryFolder(t);
      return { store: await openStore(root, 'prompt'), root };
    },
  ],
  [
    'bucket',
    noS3,
    async (t) => {
      const server = await startS3(t);
      const store = await openStore(server.location('some/where'), 'prompt');
      return { store, root: join(server.bucketFolder, 'some/where') };
    },
  ],
];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);
const withCode = (code: string) => (error: unknown) => errorCodeOf(error) === code;

/** The only file with this name in a store's folder. */
async function fileNamed(root: string, name: string, within = ''): Promise<string> {
  const all = await readdir(root, { recursive: true });
  const found = all.filter((path) => path.endsWith(`/${name}`) && path.includes(within));
  assert.equal(found.length, 1, `${name}: ${found}`);
  return join(root, found[0]!);
}

for (const [kind, skip, open] of kinds) {
  test(`${kind}: folders are written, listed, replaced, set aside and removed`, { skip }, async (t) => {
    const { store, root } = await open(t);
    await store.write('runs/a/one', { 'x.json': bytes('1'), 'y.bin': bytes('22') });
    await store.write('runs/a/two', { 'x.json': bytes('2') });
    await store.writeFile('runs/a/loose', bytes('3'));
    assert.deepEqual(await store.list('runs/a'), ['loose', 'one', 'two']);
    assert.deepEqual(await store.list('runs/a/one'), ['x.json', 'y.bin']);
    assert.deepEqual(await store.list('runs/none'), []);
    assert.deepEqual(await store.sizes('runs/a/one'), { 'x.json': 1, 'y.bin': 2 });

    await store.write('runs/a/one', { 'x.json': bytes('new') });
    assert.equal(text(await store.read('runs/a/one', 'x.json')), 'new');
    await assert.rejects(store.read('runs/a/one', 'y.bin'), withCode('checkpoint_corrupt'));
    await fileNamed(root, 'loose');
    assert.ok(!(await readdir(root, { recursive: true })).some((path) => path.endsWith('/y.bin')));

    await store.setAside('runs/a/two');
    assert.deepEqual(await store.list('runs/a'), ['loose', 'one']);
    assert.deepEqual([await store.exists('runs/a/one'), await store.exists('runs/a/two')], [true, false]);
    await store.remove('runs/a');
    await store.remove('runs/a');
    assert.deepEqual(await store.list('runs/a'), []);
    await assert.rejects(store.read('runs/a/one', 'x.json'), withCode('checkpoint_missing'));
  });

  test(`${kind}: a write that fails before its commit leaves nothing behind`, { skip }, async (t) => {
    const { store, root } = await open(t);
    await store.write('runs/a', { x: bytes('old') });
    const before = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('/x'));
    const refusal = new Error('refused');
    const beforeCommit = () => Promise.reject(refusal);
    await assert.rejects(store.write('runs/a', { x: bytes('new') }, { beforeCommit }), refusal);
    assert.equal(text(await store.read('runs/a', 'x')), 'old');
    const after = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('/x'));
    assert.deepEqual(after, before);
  });

  test(`${kind}: paths out of the store are refused`, { skip }, async (t) => {
    const { store } = await open(t);
    for (const name of ['..', '../x', 'a/../../x', '/etc', 'a//b', '', 'a/.', '.parts', 'a\\b', 'x/']) {
      const refused = withCode('validation_failed');
      await assert.rejects(store.write(name, {}), refused, name);
      await assert.rejects(store.writeFile(name, bytes('x')), refused, name);
      await assert.rejects(store.swapFile(name, bytes('x'), undefined), refused, name);
      await assert.rejects(store.readFile(name), refused, name);
      await assert.rejects(store.list(name), refused, name);
      await assert.rejects(store.remove(name), refused, name);
      await assert.rejects(store.write('a', { [name]: bytes('x') }), refused, name);
    }
  });

  test(`${kind}: of concurrent swaps of one version, one succeeds`, { skip }, async (t) => {
    const { store } = await open(t);
    const race = async (): Promise<string> => {
      const seen = await store.readVersioned('aliases/champion');
      const attempts = Array.from({ length: 8 }, async (_, i) => {
        await store.swapFile('aliases/champion', bytes(`${i} after ${text(seen?.bytes)}`), seen);
        return i;
      });
      const settled = await Promise.allSettled(attempts);
      const won = settled.filter(({ status }) => status === 'fulfilled');
      assert.equal(won.length, 1);
      for (const each of settled) {
        if (each.status === 'rejected') assert.equal(errorCodeOf(each.reason), 'store_conflict', each.reason);
      }
      const winner = (won[0] as PromiseFulfilledResult<number>).value;
      const now = text((await store.readVersioned('aliases/champion'))?.bytes);
      assert.equal(now, `${winner} after ${text(seen?.bytes)}`);
      return now;
    };
    await race();
    const first = await store.readVersioned('aliases/champion');
    for (let round = 0; round < 4; round++) await race();
    // A version from long ago cannot be swapped, although its successor no longer exists.
    await assert.rejects(
      store.swapFile('aliases/champion', bytes('late'), first),
      withCode('store_conflict'),
    );
    await assert.rejects(
      store.swapFile('aliases/champion', bytes('late'), undefined),
      withCode('store_conflict'),
    );
    assert.deepEqual(await store.list('aliases'), ['champion']);
  });

  test(`${kind}: a file from writeFile can be swapped`, { skip }, async (t) => {
    const { store } = await open(t);
    await store.writeFile('aliases/mine', bytes('old'));
    const seen = await store.readVersioned('aliases/mine');
    assert.equal(text(seen?.bytes), 'old');
    await store.swapFile('aliases/mine', bytes('new'), seen);
    assert.equal(text((await store.readVersioned('aliases/mine'))?.bytes), 'new');
    assert.deepEqual(await store.list('aliases'), ['mine']);
  });

  test(`${kind}: a damaged checkpoint is set aside and the previous one is used`, { skip }, async (t) => {
    const { store, root } = await open(t);
    const runId = newRunId();
    const config = resolveConfig('quick');
    const save = async (iteration: number, fence: number) => {
      const state = someState(iteration);
      await saveCheckpoint(store, runId, { state, served: state.weights, config, seed: 7, fence });
    };
    await claimRun(store, runId, 1);
    for (const iteration of [10, 20, 30]) await save(iteration, 1);
    assert.deepEqual((await latestCheckpoint(store, runId, assert.fail))?.state, someState(30));
    const optimizers = (await readdir(root, { recursive: true })).filter(
      (path) => path.includes('000000030-1') && path.endsWith('optimizer.safetensors'),
    );
    await truncate(join(root, optimizers[0]!), 40);

    const warnings: string[] = [];
    const found = await latestCheckpoint(store, runId, (message) => void warnings.push(message));
    assert.equal(found?.state.iteration, 20);
    assert.match(warnings.join(), /000000030-1\/optimizer\.safetensors is damaged/);
    assert.equal((await latestCheckpoint(store, runId, assert.fail))?.state.iteration, 20);

    await claimRun(store, runId, 2);
    await assert.rejects(save(30, 1), withCode('fence_lost'));
    await save(30, 2);
    const kept = (await listCheckpoints(store, runId)).map(({ iteration }) => iteration);
    assert.deepEqual(kept, [20, 30]);
  });

  test(`${kind}: models are published, found by alias and removed`, { skip }, async (t) => {
    const { store, root } = await open(t);
    const models = new ModelRegistry(store);
    const first = someModel();
    await pause(2);
    const second = someModel();
    for (const { record, weights } of [first, second]) await models.publish(record, weights);
    await models.setAlias('mine', first.record.id);
    assert.equal((await models.record('mine')).id, first.record.id);
    assert.deepEqual(await models.readWeights('mine'), first.weights);
    assert.equal((await new ModelRegistry(store).record('latest')).id, second.record.id);
    await models.remove(second.record.id);
    assert.equal((await models.record('latest')).id, first.record.id);
    const left = (await readdir(root, { recursive: true })).filter((path) => path.includes(second.record.id));
    // The server stores objects in folders, which it leaves empty.
    assert.ok(!left.some((path) => path.endsWith('.safetensors')), String(left));

    // A damaged model does not hide the others and can be removed.
    const third = someModel();
    await models.publish(third.record, third.weights);
    await truncate(await fileNamed(join(root), `model.json`, third.record.id), 10);
    const fresh = new ModelRegistry(store);
    assert.equal((await fresh.record('latest')).id, first.record.id);
    assert.deepEqual(
      (await fresh.list({ limit: 9 })).items.map(({ id }) => id),
      [first.record.id],
    );
    await assert.rejects(fresh.record(third.record.id), withCode('checkpoint_corrupt'));
    await fresh.remove(third.record.id);
    await assert.rejects(fresh.record(third.record.id), withCode('model_not_found'));

    await rm(await fileNamed(root, 'weights.safetensors'));
    await assert.rejects(models.readWeights(first.record.id), withCode('checkpoint_corrupt'));
  });
}
