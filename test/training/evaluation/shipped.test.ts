import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standardise, standardOf } from '../../../src/training/evaluation/features.ts';
import {
  describeClassifier,
  encodeClassifier,
  shippedClassifier,
} from '../../../src/training/evaluation/shipped.ts';

const shape = { height: 28, width: 28, channels: 1, labels: 10 };
const weights = [{ name: 'classifier/output/bias', shape: [2], values: Float32Array.of(1, 2) }];
const standard = { mean: Float32Array.of(0, 1), deviation: Float32Array.of(1, 2) };
const stored = (testAccuracy: number, dataset = 'mnist') =>
  encodeClassifier({ dataset, datasetDigest: '0'.repeat(64), testAccuracy, shape }, weights, standard);

test('a classifier comes back as it was stored, with its digest', () => {
  const { weights: read, standard: scale, testAccuracy, digest } = describeClassifier(stored(0.993));
  assert.deepEqual([read, scale, testAccuracy], [weights, standard, 0.993]);
  assert.match(digest, /^[0-9a-f]{64}$/);
});

test('a classifier below its bar is refused, with the command that makes a better one', () => {
  assert.throws(() => describeClassifier(stored(0.9919)), {
    code: 'classifier_unfit',
    message: /99\.19 % of test images.*99\.2 % are needed.*train-classifier\.ts mnist/,
  });
  assert.throws(() => describeClassifier(stored(0.914, 'fashion-mnist')), { code: 'classifier_unfit' });
  assert.equal(describeClassifier(stored(0.92, 'fashion-mnist')).testAccuracy, 0.92);
});

test('changed weights are noticed', () => {
  const bytes = stored(0.993);
  bytes[bytes.length - 1]! ^= 1;
  assert.throws(() => describeClassifier(bytes), { code: 'checkpoint_corrupt', message: /digest/ });
});

test('data that no classifier was trained on is judged by none', () => {
  assert.equal(shippedClassifier({ id: 'mnist', digest: '0'.repeat(64) }), undefined);
  assert.equal(shippedClassifier({ id: 'my-letters', digest: '0'.repeat(64) }), undefined);
});

test('features are brought to mean 0 and deviation 1 a column; a column that never moved is only centred', () => {
  const values = Float32Array.of(1, 5, 3, 5, 5, 5);
  const scale = standardOf(values, 2);
  assert.deepEqual([...scale.mean], [3, 5]);
  assert.ok(Math.abs(scale.deviation[0]! - Math.sqrt(8 / 3)) < 1e-6 && scale.deviation[1] === 0);
  const scaled = standardise(Float32Array.of(3, 5, 3 + Math.sqrt(8 / 3), 7), scale);
  assert.ok([0, 0, 1, 2].every((wanted, i) => Math.abs(wanted - scaled[i]!) < 1e-6));
});
