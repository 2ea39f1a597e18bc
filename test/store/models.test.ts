import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { newModelId } from '../../src/core/contracts/common.ts';
import { errorCodeOf } from '../../src/core/errors.ts';
import { type FolderStore, ModelRegistry, openFolderStore } from '../../src/store/index.ts';
import { pause, someModel, someWeights, temporaryFolder } from './small-models.ts';

const withCode = (code: string) => (error: unknown) => errorCodeOf(error) === code;

async function setUp(t: TestContext) {
  const root = await temporaryFolder(t);
  const store: FolderStore = await openFolderStore(root);
  const models = new ModelRegistry(store);
  const publish = async (change: Parameters<typeof someModel>[0] = {}): Promise<string> => {
    await pause(2); // Ids sort by the millisecond.
    const { record, weights } = someModel(change);
    await models.publish(record, weights);
    return record.id;
  };
  const latest = async (alias = 'latest'): Promise<string> => (await models.get(alias)).id;
  return { root, store, models, publish, latest };
}

test('a published model is found by id and alias, by other processes too', async (t) => {
  const { models, store, publish } = await setUp(t);
  await assert.rejects(models.get('latest'), withCode('no_model'));
  const id = await publish();
  const other = new ModelRegistry(store);
  for (const registry of [models, other]) {
    const model = await registry.get('latest');
    assert.equal(model.id, id);
    assert.deepEqual(model.aliases, ['latest', 'latest-mnist']);
    assert.deepEqual(model.labels, ['0', '1']);
    assert.deepEqual(await registry.get(id), model);
    assert.deepEqual(await registry.readWeights('latest'), someWeights());
  }
  await assert.rejects(models.get(newModelId()), withCode('model_not_found'));
  await assert.rejects(models.get('latest-fashion-mnist'), withCode('model_not_found'));
  await assert.rejects(models.get('../../etc/passwd'), withCode('model_not_found'));
});

test('publishing an id again replaces the model', async (t) => {
  const { models } = await setUp(t);
  const { record, weights } = someModel();
  await models.publish(record, weights);
  await models.publish(record, weights);
  assert.equal((await models.list({ limit: 10 })).items.length, 1);
});

test('latest follows the newest model, also per dataset', async (t) => {
  const { publish, latest } = await setUp(t);
  await publish();
  const mnist = await publish();
  const fashion = await publish({ dataset: 'fashion-mnist' });
  assert.equal(await latest(), fashion);
  assert.equal(await latest('latest-mnist'), mnist);
  assert.equal(await latest('latest-fashion-mnist'), fashion);
});

test('a cvae is latest only if there is no other model', async (t) => {
  const { publish, latest } = await setUp(t);
  const first = await publish({ preset: 'cvae' });
  assert.equal(await latest(), first);
  const second = await publish({ preset: 'cvae' });
  assert.equal(await latest(), second);
  const gan = await publish();
  await publish({ preset: 'cvae' });
  assert.equal(await latest(), gan);
  const other = await publish({ preset: 'cvae', dataset: 'fashion-mnist' });
  assert.equal(await latest(), gan);
  assert.equal(await latest('latest-fashion-mnist'), other);
});

test('aliases are set, moved and removed, but derived ones cannot be set', async (t) => {
  const { models, publish } = await setUp(t);
  const [a, b] = [await publish(), await publish()];
  assert.deepEqual((await models.setAlias('mine', a)).aliases, ['mine']);
  await models.setAlias('mine', b);
  assert.equal((await models.get('mine')).id, b);
  assert.deepEqual((await models.get(a)).aliases, []);
  await models.setAlias('copy', 'mine');
  assert.equal((await models.get('copy')).id, b);
  for (const alias of ['latest', 'latest-mnist', 'Not An Alias', '../x']) {
    await assert.rejects(models.setAlias(alias, a), withCode('validation_failed'), alias);
  }
  await assert.rejects(models.setAlias('other', newModelId()), withCode('model_not_found'));
  await models.removeAlias('mine');
  await assert.rejects(models.get('mine'), withCode('model_not_found'));
  await assert.rejects(models.removeAlias('mine'), withCode('model_not_found'));
});

test('a model with an alias cannot be removed, and latest falls back after a removal', async (t) => {
  const { models, store, publish, latest } = await setUp(t);
  const [a, b, c] = [await publish(), await publish(), await publish()];
  await models.setAlias('champion', b);
  await assert.rejects(models.remove(b), withCode('model_in_use'));
  await new ModelRegistry(store).remove(c);
  assert.equal(await latest(), b);
  await assert.rejects(models.get(c), withCode('model_not_found'));
  await models.removeAlias('champion');
  await models.remove(b);
  assert.equal(await latest(), a);
  await models.remove(a);
  await assert.rejects(models.get('latest'), withCode('no_model'));
});

test('models are listed in pages, newest first', async (t) => {
  const { models, publish } = await setUp(t);
  const ids = [await publish(), await publish(), await publish()].reverse();
  const first = await models.list({ limit: 2 });
  assert.deepEqual(
    first.items.map(({ id }) => id),
    ids.slice(0, 2),
  );
  const second = await models.list({ limit: 2, cursor: first.nextCursor! });
  assert.deepEqual(
    second.items.map(({ id }) => id),
    ids.slice(2),
  );
  assert.equal(second.nextCursor, null);
});

test('weights that do not match the digest of the record are refused when written and read', async (t) => {
  const { root, models, publish } = await setUp(t);
  const { record } = someModel();
  await assert.rejects(models.publish(record, someWeights(9)), withCode('checkpoint_corrupt'));
  const id = await publish();
  await writeFile(join(root, 'models', id, 'weights.safetensors'), 'nonsense');
  await assert.rejects(models.readWeights(id), withCode('checkpoint_corrupt'));
  assert.equal((await models.get(id)).id, id);
});
