import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BUILT_IN_DATASETS } from '../../../src/core/contracts/built-in.ts';
import { EVALUATION_SAMPLES, type SampleScores } from '../../../src/core/contracts/evaluation.ts';
import { loadDataset } from '../../../src/data/datasets.ts';
import {
  Baseline,
  baselineOf,
  SELF_TESTS,
  shippedBaselinesFile,
} from '../../../src/training/evaluation/baselines.ts';
import { decodeClassifier, shippedClassifierFile } from '../../../src/training/evaluation/classifier-file.ts';
import { inEvaluationOrder } from '../../../src/training/evaluation/image-sets.ts';
import { ReferenceClassifier } from '../../../src/training/evaluation/reference-classifier.ts';
import { temporaryDataDir } from '../../data/mnist-files.ts';

/** How every metric must rank known images. */
function assertOrder(of: Record<string, SampleScores>): void {
  const score = (name: string, metric: keyof SampleScores): number => of[name]![metric];
  const rising = (metric: keyof SampleScores, names: string[]) =>
    names.slice(1).forEach((name, i) => {
      const [better, worse] = [score(names[i]!, metric), score(name, metric)];
      assert.ok(better < worse, `${metric}: "${names[i]}" ${better} is not below "${name}" ${worse}`);
    });
  for (const metric of ['frechetDistance', 'kid'] as const) {
    // Noise and blur are not compared: smooth clothes suffer more from noise than digits do.
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
  const classifier = decodeClassifier(readFileSync(shippedClassifierFile(id)));

  test(`${id}: the shipped baselines were measured with the shipped classifier, and every metric ranks the self-tests as expected`, () => {
    const baselines = Baseline.array().parse(JSON.parse(readFileSync(shippedBaselinesFile(id), 'utf8')));
    assert.ok(baselines.some(({ samples }) => samples === EVALUATION_SAMPLES.short));
    for (const { classifier: judged, dataset, selfTests } of baselines) {
      assert.deepEqual([judged, dataset], [classifier.digest, classifier.datasetDigest]);
      assert.deepEqual(Object.keys(selfTests), Object.keys(SELF_TESTS));
      assertOrder(selfTests);
    }
  });
}

test('MNIST: the classifier has its stored accuracy on test images, and a measured baseline is kept', async (t) => {
  const dataDir = await temporaryDataDir(t);
  const dataset = inEvaluationOrder(await loadDataset('mnist', dataDir));
  const judge = (await ReferenceClassifier.open(dataset.info))!;
  t.after(() => judge.dispose());
  const real = await judge.classifyReal(dataset.test);
  const recognised = real.predictions.filter((label, i) => label === real.labels[i]).length;
  // Kernels round differently on other machines, so an image or two may differ.
  const accuracy = recognised / dataset.test.count;
  assert.ok(Math.abs(accuracy - judge.stored.testAccuracy) < 5e-4, `accuracy ${accuracy}`);
  const measured = await baselineOf(judge, dataset, real, 300, { dataDir });
  assert.deepEqual(await baselineOf(judge, dataset, real, 300, { dataDir }), measured);
  assertOrder(measured.selfTests);
});
