import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { unzipSync, zipSync } from 'fflate';
import { StylographClient, type StylographProblem } from '../../src/client/index.ts';
import type { Evaluation } from '../../src/core/contracts/evaluation.ts';
import type { ModelRecord } from '../../src/core/contracts/model.ts';
import { packModel } from '../../src/store/archive/pack.ts';
import { weightsDigest } from '../../src/store/index.ts';
import { perturbedModel, TINY } from '../store/archive/perturbed-model.ts';
import { exampleEvaluation } from '../training/evaluation/example-evaluations.ts';
import { startServer, type TestServer } from './test-server.ts';

let here: TestServer;
let there: TestServer;
before(async () => {
  [here, there] = await Promise.all([startServer(), startServer()]);
});
after(() => Promise.all([here.close(), there.close()]));

const clientOf = ({ url }: TestServer) => new StylographClient({ url });

async function publish(evaluation?: Evaluation): Promise<string> {
  const { record, weights } = perturbedModel({ networks: TINY, latentDim: 3 });
  await here.models.publish({ ...record, ...(evaluation && { evaluation }) }, weights);
  return record.id;
}

const problem = (code: string, status: number) => (error: StylographProblem) => {
  assert.deepEqual([error.code, error.status], [code, status], error.message);
  return true;
};

async function imageOf({ url }: TestServer, model: string): Promise<Buffer> {
  const answer = await fetch(`${url}/generate?label=3&seed=7&model=${model}`);
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer());
}

test('a model exported to another server generates the same bytes there', async () => {
  const id = await publish(exampleEvaluation());
  const { bytes, modelId } = await clientOf(here).models.download(id);
  assert.equal(modelId, id);
  const taken = await clientOf(there).models.import(bytes);
  const original = await clientOf(here).models.get(id);
  assert.deepEqual({ ...taken, aliases: [] }, { ...original, aliases: [] });
  assert.deepEqual(await imageOf(there, id), await imageOf(here, id));

  const again = await fetch(`${there.url}/models`, {
    method: 'POST',
    headers: { 'content-type': 'application/zip' },
    body: bytes,
  });
  assert.deepEqual([again.status, again.headers.get('location')], [200, `/models/${id}`]);
});

test('an archive that is damaged, conflicts with a model or cannot be loaded is refused and leaves nothing behind', async (t) => {
  const { record, weights } = perturbedModel({ networks: TINY, latentDim: 3 });
  const client = clientOf(there);
  const before = (await client.models.list()).items.length;
  const archive = packModel(record, weights);
  const files = unzipSync(archive);
  delete files['weights.safetensors'];
  await assert.rejects(client.models.import(new Uint8Array(zipSync(files))), problem('invalid_archive', 422));
  await assert.rejects(client.models.import(new Uint8Array(10)), problem('invalid_archive', 422));

  // The archive is consistent, but its weights fit no network.
  const fewer = weights.filter(({ name }) => !name.startsWith('discriminator/'));
  const odd = { ...record, digest: weightsDigest(fewer), image: { ...record.image, labels: ['a', 'b'] } };
  const oddFiles = packModel({ ...odd, image: record.image }, fewer);
  const forged = unzipSync(oddFiles);
  const { sha256 } = await import('../../src/store/index.ts');
  forged['model.json'] = Buffer.from(JSON.stringify(odd));
  const manifest = JSON.parse(Buffer.from(forged['stylograph.json']!).toString('utf8'));
  manifest.files['model.json'] = { sha256: sha256(forged['model.json']), bytes: forged['model.json'].length };
  forged['stylograph.json'] = Buffer.from(JSON.stringify(manifest));
  const ensure = there.inference.ensure.bind(there.inference);
  const meanwhile: number[] = [];
  const watched = t.mock.method(there.inference, 'ensure', async (model: ModelRecord) => {
    meanwhile.push((await client.models.list()).items.length);
    await ensure(model);
  });
  await assert.rejects(
    client.models.import(new Uint8Array(zipSync(forged))),
    (error: StylographProblem) =>
      problem('invalid_archive', 422)(error) && /cannot be loaded/.test(error.message),
  );
  watched.mock.restore();
  // The model never became visible, so `latest` never pointed to a model that cannot be loaded.
  assert.deepEqual(meanwhile, [before]);
  assert.equal((await client.models.list()).items.length, before);
  assert.deepEqual(await there.store.list('imports'), []);

  const first = new Uint8Array(archive);
  await client.models.import(first);
  const other = weights.map((weight, i) =>
    i === 0 ? { ...weight, values: weight.values.map((v) => v + 1) } : weight,
  );
  const impostor = packModel({ ...record, digest: weightsDigest(other) }, other);
  await assert.rejects(client.models.import(new Uint8Array(impostor)), problem('model_exists', 409));
  const json = await fetch(`${there.url}/models`, { method: 'POST', body: '{}' });
  assert.equal(json.status, 415);
});

test('the champion moves only by promotion, and back with one rollback', async () => {
  const client = clientOf(here);
  const first = await publish(exampleEvaluation());
  const better = await publish(exampleEvaluation({ frechetDistance: 0.01 }));
  const worse = await publish(exampleEvaluation({ frechetDistance: 0.005, coverage: 0.2 }));
  await assert.rejects(client.models.setAlias('champion', first), problem('validation_failed', 400));
  const promoted = await client.models.promote(first);
  assert.deepEqual([promoted.alias, promoted.previousModelId, promoted.forced], ['champion', null, false]);
  const { comparison, model } = await client.models.promote(better);
  assert.ok(comparison.length >= 8 && comparison.every(({ passed }) => passed));
  assert.ok(model.aliases.includes('champion'));
  assert.deepEqual(await imageOf(here, 'champion'), await imageOf(here, better));

  await assert.rejects(client.models.promote(worse), (error: StylographProblem) => {
    problem('promotion_refused', 409)(error);
    assert.match(error.message, /coverage is 0\.2, that of mdl_\w+ 0\.74; at least 0\.71 is required/);
    assert.deepEqual(
      error.errors?.map(({ path }) => path),
      ['coverage'],
    );
    return true;
  });
  assert.equal((await client.models.rollBack('champion')).id, first);
  const answer = await fetch(`${here.url}/generate?label=3&model=champion`);
  assert.equal(answer.headers.get('x-model-id'), first);
  await assert.rejects(client.models.rollBack('champion'), problem('no_former_model', 409));
  const withoutBody = await fetch(`${here.url}/models/${better}/promote`, { method: 'POST' });
  assert.equal(withoutBody.status, 200);
  await assert.rejects(client.models.delete(better), problem('model_in_use', 409));
});
