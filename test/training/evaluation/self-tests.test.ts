import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BUILT_IN_DATASETS } from '../../../src/core/contracts/built-in.ts';
import { EVALUATION_SAMPLES, type SampleScores } from '../../../src/core/contracts/evaluation.ts';
import { loadDataset } from '../../../src/data/datasets.ts';
import { Judge } from '../../../src/training/evaluation/judge.ts';
import { inEvaluationOrder } from '../../../src/training/evaluation/order.ts';
import {
  Baseline,
  baselineOf,
  baselinesFile,
  SELF_TESTS,
} from '../../../src/training/evaluation/self-tests.ts';
import { classifierFile, describeClassifier } from '../../../src/training/evaluation/shipped.ts';
import { temporaryDataDir } from '../../data/mnist-files.ts';

/** What any metric worth its name says of known images. */
function assertOrder(of: Record<string, SampleScores>): void {
  const score = (name: string, metric: keyof SampleScores): number => of[name]![metric];
  const rising = (metric: keyof SampleScores, names: string[]) =>
    names.slice(1).forEach((name, i) => {
      const [better, worse] = [score(names[i]!, metric), score(name, metric)];
      assert.ok(better < worse, `${metric}: "${names[i]}" ${better} is not below "${name}" ${worse}`);
    });
  for (const metric of ['frechetDistance', 'kid'] as const) {
    // Which of noise and blur is worse depends on the data: smooth clothes suffer more from noise than digits.
    rising(metric, ['noise 0.02', 'noise 0.1', 'class means']);
    rising(metric, ['validation against test', 'blurred', 'class means']);
  }
  for (const metric of ['recall', 'coverage', 'diversityRatio'] as const) {
    rising(metric, ['class means', 'blurred', 'validation against test']);
  }
  rising('sharpnessRatio', ['blurred', 'test against itself', 'noise 0.1']);
  rising('sharpnessRatio', ['class means', 'test against itself']);
  rising('conditionalAccuracy', ['shuffled labels', 'validation against test']);
  rising('diversityRatio', ['test against itself', 'shuffled labels']);
  const chance = score('shuffled labels', 'conditionalAccuracy');
  assert.ok(chance < 0.2, `accuracy of shuffled labels ${chance}`);
  assert.equal(score('class means', 'diversityRatio'), 0);
  const diversity = score('validation against test', 'diversityRatio');
  assert.ok(Math.abs(diversity - 1) < 0.15, `diversity of validation images ${diversity}`);
}

for (const id of BUILT_IN_DATASETS) {
  const classifier = describeClassifier(readFileSync(classifierFile(id)));

  test(`${id}: the self-tests kept beside the classifier are of it, and in the order expected`, () => {
    const baselines = Baseline.array().parse(JSON.parse(readFileSync(baselinesFile(id), 'utf8')));
    assert.ok(baselines.some(({ samples }) => samples === EVALUATION_SAMPLES.short));
    for (const { classifier: judged, dataset, selfTests } of baselines) {
      assert.deepEqual([judged, dataset], [classifier.digest, classifier.datasetDigest]);
      assert.deepEqual(Object.keys(selfTests), Object.keys(SELF_TESTS));
      assertOrder(selfTests);
    }
  });
}

test('MNIST: the stored accuracy of the classifier is that on test images, and self-tests are kept where they were measured', async (t) => {
  const dataDir = await temporaryDataDir(t);
  const dataset = inEvaluationOrder(await loadDataset('mnist', dataDir));
  const judge = (await Judge.of(dataset.info))!;
  t.after(() => judge.dispose());
  const yardstick = await judge.yardstick(dataset.test);
  const right = yardstick.seen.predictions.filter((label, i) => label === yardstick.labels[i]).length;
  // The last bits of kernels differ between machines, and with them an image or two.
  const accuracy = right / dataset.test.count;
  assert.ok(Math.abs(accuracy - judge.shipped.testAccuracy) < 5e-4, `accuracy ${accuracy}`);
  const measured = await baselineOf(judge, dataset, yardstick, 300, { dataDir });
  assert.deepEqual(await baselineOf(judge, dataset, yardstick, 300, { dataDir }), measured);
  assertOrder(measured.selfTests);
});
