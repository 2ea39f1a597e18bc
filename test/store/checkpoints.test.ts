import assert from 'node:assert/strict';
import { readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { newRunId } from '../../src/core/contracts/common.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { errorCodeOf, StylographError } from '../../src/core/errors.ts';
import {
  claimRun,
  type FolderStore,
  fencedStore,
  latestCheckpoint,
  listCheckpoints,
  openFolderStore,
  saveCheckpoint,
  weightsDigest,
} from '../../src/store/index.ts';
import { someState, temporaryFolder } from './small-models.ts';

const runId = newRunId();
const config = resolveConfig('quick');
interface Save {
  fence?: number;
  beforeCommit?: () => Promise<void>;
}
const save = (store: FolderStore, iteration: number, given: Save = {}) => {
  const state = someState(iteration);
  const input = { state, served: state.weights, config, seed: 7, fence: 1, software: { node: '20' } };
  return saveCheckpoint(store, runId, { ...input, ...given });
};
const withCode = (code: string) => (error: unknown) => errorCodeOf(error) === code;
const noWarning = (message: string): never => assert.fail(message);

test('a checkpoint is read as it was saved', async (t) => {
  const store = await openFolderStore(await temporaryFolder(t));
  assert.equal(await latestCheckpoint(store, runId, noWarning), undefined);
  const saved = await save(store, 20);
  const found = await latestCheckpoint(store, runId, noWarning);
  assert.deepEqual(found?.state, someState(20));
  assert.deepEqual(found?.config, config);
  assert.equal(found?.seed, 7);
  assert.equal(saved.digest, weightsDigest(someState(20).weights));
  assert.deepEqual(await listCheckpoints(store, runId), [{ ...found!.info, createdAt: saved.createdAt }]);
});

test('the state digest covers the optimiser, the digest only the served weights', async (t) => {
  const store = await openFolderStore(await temporaryFolder(t));
  const [a, b] = [someState(1), someState(1)];
  b.optimizer[0]!.values[0] = 99;
  const input = { config, seed: 7, fence: 1 };
  const first = await saveCheckpoint(store, runId, { ...input, state: a, served: a.weights });
  const second = await saveCheckpoint(store, runId, { ...input, state: b, served: b.weights });
  assert.equal(first.digest, second.digest);
  assert.notEqual(first.stateDigest, second.stateDigest);
});

test('the last two checkpoints are kept', async (t) => {
  const store = await openFolderStore(await temporaryFolder(t));
  for (const iteration of [9, 99, 100, 1000]) await save(store, iteration);
  const kept = await listCheckpoints(store, runId);
  assert.deepEqual(
    kept.map(({ iteration }) => iteration),
    [100, 1000],
  );
});

test('a damaged checkpoint is set aside with a warning, and the previous one is used', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  await save(store, 10);
  await save(store, 20);
  const folder = join(root, 'runs', runId, 'checkpoints');
  await truncate(join(folder, '000000020-1', 'optimizer.safetensors'), 50);
  const warnings: string[] = [];
  const found = await latestCheckpoint(store, runId, (message) => void warnings.push(message));
  assert.equal(found?.state.iteration, 10);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /000000020-1\/optimizer\.safetensors is damaged.*set aside/);
  assert.deepEqual((await readdir(folder)).sort(), ['000000010-1', '000000020-1.damaged']);
  assert.deepEqual((await listCheckpoints(store, runId)).length, 1);
  await save(store, 20);
  assert.equal((await latestCheckpoint(store, runId, noWarning))?.state.iteration, 20);
});

test('a run restarts if all its checkpoints are damaged', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  for (const iteration of [10, 20]) {
    await save(store, iteration);
    const name = String(iteration).padStart(9, '0');
    await writeFile(join(root, 'runs', runId, 'checkpoints', `${name}-1`, 'meta.json'), '{}');
  }
  const warnings: string[] = [];
  assert.equal(await latestCheckpoint(store, runId, (message) => void warnings.push(message)), undefined);
  assert.equal(warnings.length, 2);
});

test('a worker that lost the run writes no checkpoint', async (t) => {
  const store = await openFolderStore(await temporaryFolder(t));
  await save(store, 10);
  const lost = new Error('fence lost');
  await assert.rejects(save(store, 20, { beforeCommit: () => Promise.reject(lost) }), lost);
  assert.equal((await latestCheckpoint(store, runId, noWarning))?.state.iteration, 10);
});

test('after a run is claimed, late writes of its former owner are rejected', async (t) => {
  const store = await openFolderStore(await temporaryFolder(t));
  await save(store, 10, { fence: 1 });
  // The former owner checks that it owns the run, then another worker claims it.
  const late = save(store, 20, { fence: 1, beforeCommit: () => claimRun(store, runId, 2) });
  await assert.rejects(late, withCode('fence_lost'));
  assert.equal((await latestCheckpoint(store, runId, noWarning))?.state.iteration, 10);
  assert.deepEqual(await store.list(`runs/${runId}/checkpoints`), ['000000010-1']);
  await assert.rejects(claimRun(store, runId, 1), withCode('fence_lost'));

  await save(store, 20, { fence: 2 });
  await assert.rejects(save(store, 20, { fence: 1 }), withCode('fence_lost'));
  assert.equal((await latestCheckpoint(store, runId, noWarning))?.state.iteration, 20);
});

test('claiming a run removes unlisted checkpoints of a killed owner', async (t) => {
  const store = await openFolderStore(await temporaryFolder(t));
  await save(store, 10, { fence: 1 });
  await store.write(`runs/${runId}/checkpoints/000000020-1`, { 'meta.json': Buffer.from('{}') });
  assert.equal((await latestCheckpoint(store, runId, noWarning))?.state.iteration, 10);
  await claimRun(store, runId, 2);
  assert.deepEqual(await store.list(`runs/${runId}/checkpoints`), ['000000010-1']);
});

test('checkpoints are found without a list, as in earlier versions, and with a damaged list', async (t) => {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  await save(store, 10);
  const folder = `runs/${runId}/checkpoints`;
  await rename(join(root, folder, '000000010-1'), join(root, folder, '000000010'));
  await rm(join(root, `runs/${runId}/checkpoints.json.versions`), { recursive: true });
  assert.equal((await latestCheckpoint(store, runId, noWarning))?.state.iteration, 10);
  await save(store, 20, { fence: 3 });
  await writeFile(join(root, `runs/${runId}/checkpoints.json.versions`, '000000000001'), '{"fen');
  assert.equal((await latestCheckpoint(store, runId, noWarning))?.state.iteration, 20);
  await assert.rejects(save(store, 30, { fence: 2 }), withCode('fence_lost'));
});

test('a fenced store rejects every change of a worker that lost the run', async (t) => {
  const store = await openFolderStore(await temporaryFolder(t));
  await store.writeFile('runs/x/figure', Buffer.from('old'));
  const lost = new StylographError('fence_lost', 'Another worker owns the run.');
  const fenced = fencedStore(store, () => Promise.reject(lost));
  const seen = await fenced.readVersioned('runs/x/figure');
  const changes = [
    () => fenced.write('runs/x/folder', { file: Buffer.from('new') }),
    () => fenced.writeFile('runs/x/figure', Buffer.from('new')),
    () => fenced.swapFile('runs/x/figure', Buffer.from('new'), seen),
    () => fenced.remove('runs/x'),
    () => fenced.setAside('runs/x/figure'),
    () => fenced.tidy('runs/x'),
  ];
  for (const change of changes) await assert.rejects(change, withCode('fence_lost'));
  assert.deepEqual(await store.list('runs/x'), ['figure']);
  assert.equal(Buffer.from((await fenced.readFile('runs/x/figure'))!).toString(), 'old');
});
