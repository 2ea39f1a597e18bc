import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Evaluation } from '../../src/core/contracts/evaluation.ts';
import { errorCodeOf, type StylographError } from '../../src/core/errors.ts';
import { ModelRegistry, openFolderStore } from '../../src/store/index.ts';
import { exampleEvaluation } from '../training/evaluation/example-evaluations.ts';
import { someModel, temporaryFolder } from './small-models.ts';

async function setUp(t: TestContext) {
  const root = await temporaryFolder(t);
  const store = await openFolderStore(root);
  const models = new ModelRegistry(store);
  const publish = async (evaluation?: Evaluation, dataset = 'mnist'): Promise<string> => {
    const { record, weights } = someModel({ dataset });
    await models.publish({ ...record, ...(evaluation && { evaluation }) }, weights);
    return record.id;
  };
  const champion = async () => (await models.record('champion')).id;
  return { root, store, models, publish, champion };
}
const withCode = (code: string) => (error: unknown) => errorCodeOf(error) === code;
const better = (change: Partial<Evaluation> = {}) => exampleEvaluation({ frechetDistance: 0.02, ...change });

async function refusal(promise: Promise<unknown>): Promise<StylographError> {
  const error = await promise.then(
    () => assert.fail('it was promoted'),
    (thrown: StylographError) => thrown,
  );
  assert.equal(error.code, 'promotion_refused', error.message);
  return error;
}

test('the first champion needs an evaluation, and the next ones must be better', async (t) => {
  const { models, publish, champion } = await setUp(t);
  const blind = await publish();
  assert.match((await refusal(models.promote(blind))).message, new RegExp(`${blind} has no evaluation`));
  const first = await publish(exampleEvaluation());
  const promoted = await models.promote(first);
  assert.deepEqual([promoted.previousModelId, promoted.comparison], [null, []]);
  assert.deepEqual(promoted.model.aliases.includes('champion'), true);

  const second = await publish(better());
  const { previousModelId, comparison } = await models.promote(second);
  assert.equal(previousModelId, first);
  const frechet = comparison.find(({ metric }) => metric === 'frechetDistance');
  assert.deepEqual([frechet?.champion, frechet?.challenger, frechet?.passed], [0.027, 0.02, true]);
  assert.equal(await champion(), second);
  // Promoting the champion again compares nothing.
  assert.deepEqual((await models.promote(second)).comparison, []);
});

const base = exampleEvaluation();
const LOSSES: [string, Partial<Evaluation>, RegExp][] = [
  ['frechetDistance', { frechetDistance: 0.027 }, /is 0\.027, that of mdl_\w+ 0\.027; less than 0\.027/],
  ['conditionalAccuracy', { conditionalAccuracy: 0.94 }, /is 0\.94, that of mdl_\w+ 0\.96; at least 0\.95/],
  ['coverage', { coverage: 0.6 }, /is 0\.6, that of mdl_\w+ 0\.74; at least 0\.71/],
  ['diversityRatio', { diversityRatio: 0.3 }, /is 0\.3, that of mdl_\w+ 0\.92; at least 0\.87/],
  ['diversityRatio', { diversityRatio: 1.4 }, /is 1\.4, that of mdl_\w+ 0\.92; at most 1\.13/],
  ['sharpnessRatio', { sharpnessRatio: 0.5 }, /is 0\.5, that of mdl_\w+ 1\.01; at least 0\.89/],
  [
    'reconstruction.mse',
    { reconstruction: { ...base.reconstruction, mse: 0.04 } },
    /is 0\.04, that of mdl_\w+ 0\.03; at most 0\.033/,
  ],
  [
    'reconstruction.labelKept',
    { reconstruction: { ...base.reconstruction, labelKept: 0.9 } },
    /is 0\.9, that of mdl_\w+ 0\.98; at least 0\.97/,
  ],
  [
    'styleTransfer.accuracy',
    { styleTransfer: { ...base.styleTransfer, accuracy: 0.9 } },
    /is 0\.9, that of mdl_\w+ 0\.99; at least 0\.98/,
  ],
  [
    'styleTransfer.slantCorrelation',
    { styleTransfer: { ...base.styleTransfer, slantCorrelation: 0.2 } },
    /is 0\.2, that of mdl_\w+ 0\.89; at least 0\.84/,
  ],
];

test('a refused promotion names each metric with both values and changes nothing', async (t) => {
  const { models, publish, champion } = await setUp(t);
  const first = await publish(base);
  await models.promote(first);
  for (const [metric, change, pattern] of LOSSES) {
    const error = await refusal(models.promote(await publish(better(change))));
    assert.deepEqual(
      error.errors?.map(({ path }) => path),
      [metric],
    );
    assert.match(error.errors![0]!.message, pattern, metric);
    assert.match(error.message, pattern);
  }
  const two = await refusal(
    models.promote(await publish(better({ coverage: 0.1, conditionalAccuracy: 0.5 }))),
  );
  assert.deepEqual(two.errors?.map(({ path }) => path).sort(), ['conditionalAccuracy', 'coverage']);
  assert.equal(await champion(), first);
});

test('evaluations measured differently are not compared unless the promotion is forced', async (t) => {
  const { models, publish, champion } = await setUp(t);
  await models.promote(await publish(base));
  const cases: [Partial<Evaluation>, string, RegExp][] = [
    [{ samples: 10_000 }, 'mnist', /samples is 10000 and 2000/],
    [{ split: 'validation' }, 'mnist', /split is validation and test/],
    [
      { classifier: { ...base.classifier, digest: 'c'.repeat(64) } },
      'mnist',
      /classifier is cccc.* and bbbb/,
    ],
    [{}, 'fashion-mnist', /dataset is fashion-mnist and mnist/],
    [{ memorisation: { ratio: 0.4, flagged: true } }, 'mnist', /memorisation\.ratio is 0\.4/],
  ];
  for (const [change, dataset, pattern] of cases) {
    const id = await publish(better(change), dataset);
    assert.match((await refusal(models.promote(id))).message, pattern);
    await models.promote(id, { alias: 'other', force: true });
  }
  const blind = await publish();
  await models.promote(blind, { force: true });
  assert.equal(await champion(), blind);
  assert.match(
    (await refusal(models.promote(await publish(better())))).message,
    /the current champion, has no evaluation/,
  );
});

test('each rollback goes one model further back and skips removed models', async (t) => {
  const { models, publish, champion } = await setUp(t);
  const ids = [];
  for (const frechetDistance of [0.04, 0.03, 0.02, 0.01]) {
    ids.push(await publish(exampleEvaluation({ frechetDistance })));
    await models.promote(ids.at(-1)!);
  }
  const [a, b, c, d] = ids as [string, string, string, string];
  assert.equal((await models.rollBack('champion')).id, c);
  await models.remove(b);
  assert.equal((await models.rollBack('champion')).id, a);
  await assert.rejects(models.rollBack('champion'), withCode('no_former_model'));
  assert.equal(await champion(), a);
  await models.promote(d);
  assert.equal((await models.rollBack('champion')).id, a);
  await assert.rejects(models.rollBack('nobody'), withCode('model_not_found'));
  await assert.rejects(models.rollBack('latest'), withCode('validation_failed'));
});

test('concurrent challengers are each compared with the current champion', async (t) => {
  const { models, store, publish, champion } = await setUp(t);
  await models.promote(await publish(exampleEvaluation({ frechetDistance: 0.5 })));
  const distances = [0.1, 0.4, 0.2, 0.3];
  const challengers = await Promise.all(
    distances.map(async (frechetDistance) => publish(exampleEvaluation({ frechetDistance }))),
  );
  // Each uses its own registry, like separate servers.
  await Promise.allSettled(challengers.map((id) => new ModelRegistry(store).promote(id)));
  assert.equal(await champion(), challengers[0]);
});

test('an alias stored by an earlier version as a bare id is read, moved and rolled back', async (t) => {
  const { root, store, models, publish } = await setUp(t);
  const [a, b] = [await publish(), await publish()];
  await store.writeFile('aliases/mine', Buffer.from(a));
  assert.equal((await models.record('mine')).id, a);
  await models.setAlias('mine', b);
  assert.equal((await models.rollBack('mine')).id, a);
  await models.removeAlias('mine');
  await assert.rejects(models.record('mine'), withCode('model_not_found'));
  assert.equal((await models.rollBack('mine')).id, a);
  // A damaged alias has no target and can be set again.
  await writeFile(join(root, 'aliases', 'odd'), 'neither an id nor JSON');
  await assert.rejects(models.record('odd'), withCode('model_not_found'));
  assert.ok((await models.setAlias('odd', a)).aliases.includes('odd'));
});
