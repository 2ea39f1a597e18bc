import assert from 'node:assert/strict';
import { test } from 'node:test';
import { featureScale, standardise } from '../../../src/training/evaluation/classifier.ts';
import {
  decodeClassifier,
  encodeClassifier,
  shippedClassifier,
} from '../../../src/training/evaluation/classifier-file.ts';

const shape = { height: 28, width: 28, channels: 1, labels: 10 };
const weights = [{ name: 'classifier/output/bias', shape: [2], values: Float32Array.of(1, 2) }];
const scale = { mean: Float32Array.of(0, 1), deviation: Float32Array.of(1, 2) };
const stored = (testAccuracy: number, dataset = 'mnist') =>
  encodeClassifier({ dataset, datasetDigest: '0'.repeat(64), testAccuracy, shape }, weights, scale);

test('decoding an encoded classifier returns the same weights, scale and accuracy', () => {
  const { weights: readWeights, scale: readScale, testAccuracy, digest } = decodeClassifier(stored(0.993));
  assert.deepEqual([readWeights, readScale, testAccuracy], [weights, scale, 0.993]);
  assert.match(digest, /^[0-9a-f]{64}$/);
});

test('a classifier below the least accuracy is rejected, and the message names the command that retrains it', () => {
  assert.throws(() => decodeClassifier(stored(0.9919)), {
    code: 'classifier_unfit',
    message: /99\.19 % of the test images.*99\.2 % are needed.*train-classifier\.ts mnist/,
  });
  assert.throws(() => decodeClassifier(stored(0.914, 'fashion-mnist')), { code: 'classifier_unfit' });
  assert.equal(decodeClassifier(stored(0.92, 'fashion-mnist')).testAccuracy, 0.92);
});

test('a classifier whose bytes were changed is rejected as corrupt', () => {
  const bytes = stored(0.993);
  bytes[bytes.length - 1]! ^= 1;
  assert.throws(() => decodeClassifier(bytes), { code: 'checkpoint_corrupt', message: /digest/ });
});

test('no shipped classifier is used for data that it was not trained on', () => {
  assert.equal(shippedClassifier({ id: 'mnist', digest: '0'.repeat(64) }), undefined);
  assert.equal(shippedClassifier({ id: 'my-letters', digest: '0'.repeat(64) }), undefined);
});

test('standardised features have mean 0 and deviation 1 per column, and a constant column is only centred', () => {
  const values = Float32Array.of(1, 5, 3, 5, 5, 5);
  const { mean, deviation } = featureScale(values, 2);
  assert.deepEqual([...mean], [3, 5]);
  assert.ok(Math.abs(deviation[0]! - Math.sqrt(8 / 3)) < 1e-6 && deviation[1] === 0);
  const scaled = standardise(Float32Array.of(3, 5, 3 + Math.sqrt(8 / 3), 7), { mean, deviation });
  assert.ok([0, 0, 1, 2].every((wanted, i) => Math.abs(wanted - scaled[i]!) < 1e-6));
});
