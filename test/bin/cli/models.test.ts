import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ModelRegistry, openFolderStore } from '../../../src/store/index.ts';
import { perturbedModel, TINY } from '../../store/archive/perturbed-model.ts';
import { exampleEvaluation } from '../../training/evaluation/example-evaluations.ts';
import { run } from './support.ts';

test('models can be promoted, rolled back, exported and imported', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'stylograph-cli-models-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const [here, there] = [join(folder, 'here'), join(folder, 'there')];
  const models = new ModelRegistry(await openFolderStore(here));
  const ids: string[] = [];
  for (const frechetDistance of [0.03, 0.01, 0.02]) {
    const { record, weights } = perturbedModel({ networks: TINY, latentDim: 3 });
    await models.publish({ ...record, evaluation: exampleEvaluation({ frechetDistance }) }, weights);
    ids.push(record.id);
  }
  const [first, best, worse] = ids as [string, string, string];
  const at = ['--data', here];

  assert.match((await run(['models', 'promote', first, ...at])).out, new RegExp(`champion is ${first}`));
  const promoted = await run(['models', 'promote', best, ...at]);
  assert.match(promoted.out, /frechetDistance +0\.0300 +0\.0100 +lower/);
  const refused = await run(['models', 'promote', worse, ...at]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /frechetDistance is 0\.02, that of mdl_\w+ 0\.01; less than 0\.01 is required/);
  assert.match(
    (await run(['models', 'rollback', 'champion', ...at])).out,
    new RegExp(`champion is ${first}`),
  );

  const archive = join(folder, 'archive.zip');
  const exported = await run(['models', 'export', best, '--out', archive, '--json', ...at]);
  assert.equal(JSON.parse(exported.out).modelId, best);
  const taken = await run(['models', 'import', archive, '--data', there]);
  assert.equal(taken.code, 0, taken.err);
  assert.match(taken.out, new RegExp(`imported ${best}`));
  const draw = async (data: string) =>
    (await run(['generate', '3', '--seed', '1', '--model', best, '--out', '-', '--data', data])).bytes;
  assert.deepEqual(await draw(there), await draw(here));
  const nonsense = await run(['models', 'import', join(here, 'models', best, 'model.json'), '--data', there]);
  assert.equal(nonsense.code, 1);
  assert.match(nonsense.err, /not a readable zip file/);
});
