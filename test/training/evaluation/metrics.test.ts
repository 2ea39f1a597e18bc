import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepRandom, tf } from '../../../src/engine/index.ts';
import { labelAgreement } from '../../../src/training/evaluation/metrics/accuracy.ts';
import { diversityOf, diversityRatio } from '../../../src/training/evaluation/metrics/diversity.ts';
import { frechetDistance, frechetJointDistance } from '../../../src/training/evaluation/metrics/frechet.ts';
import { kernelDistance } from '../../../src/training/evaluation/metrics/kid.ts';
import {
  activeUnits,
  klPerDimension,
  probeAccuracy,
} from '../../../src/training/evaluation/metrics/latent.ts';
import {
  manifoldScores,
  nearestTrainingDistance,
} from '../../../src/training/evaluation/metrics/neighbours.ts';
import {
  meanRowDistance,
  meanSquaredError,
  structuralSimilarity,
} from '../../../src/training/evaluation/metrics/reconstruction.ts';
import { sharpnessOf } from '../../../src/training/evaluation/metrics/sharpness.ts';
import {
  spearman,
  styleMoments,
  transferCorrelation,
} from '../../../src/training/evaluation/metrics/style.ts';

const about = (actual: number, wanted: number, tolerance = 1e-6): void =>
  assert.ok(Math.abs(actual - wanted) <= tolerance, `${actual} is not ${wanted} ± ${tolerance}`);

/** Standard normal rows, the same for the same `draw`. */
const normal = (rows: number, dims: number, draw = 0): Float32Array =>
  tf.tidy(() => new StepRandom(5, 'samples', draw).normal([rows, dims]).dataSync()) as Float32Array;

test('label agreement counts predictions per requested label, and is null for a label never requested', () => {
  const { accuracy, perLabel, confusion } = labelAgreement([0, 0, 1, 1], [0, 1, 1, 1], 3);
  assert.equal(accuracy, 0.75);
  assert.deepEqual(perLabel, [0.5, 1, null]);
  assert.deepEqual(confusion, [
    [1, 1, 0],
    [0, 2, 0],
    [0, 0, 0],
  ]);
});

test('Fréchet distance is 0 to itself and follows the formula for a shift and a scale', () => {
  const x = normal(4_000, 3);
  about(frechetDistance(x, x, 3), 0, 1e-9);
  about(
    frechetDistance(
      x,
      x.map((value) => value + 2),
      3,
    ),
    4,
    1e-5,
  );
  // Scaling by 2 multiplies each standard deviation s by 2, so each variance adds (2s − s)² = s², about 1.
  const doubled = frechetDistance(
    x,
    x.map((value) => value * 2),
    3,
  );
  about(doubled, 1, 0.05);
  about(
    frechetDistance(
      x.map((value) => value * 2),
      x,
      3,
    ),
    doubled,
    1e-9,
  );
});

test('Fréchet joint distance is large for swapped labels, although the set of images is the same', () => {
  const labels = Uint8Array.from({ length: 4_000 }, (_, i) => i % 2);
  // Two labels, six apart.
  const values = normal(4_000, 3).map((value, i) => value + 6 * labels[Math.floor(i / 3)]!);
  const real = { values, labels };
  about(frechetJointDistance(real, real, 3, 2), 0, 1e-6);
  const swapped = { values, labels: labels.map((label) => 1 - label) };
  about(frechetDistance(values, values, 3), 0, 1e-6);
  assert.ok(frechetJointDistance(real, swapped, 3, 2) > 1);
  const shifted = { values: values.map((value) => value + 2), labels };
  about(frechetJointDistance(real, shifted, 3, 2), 4, 1e-3);
});

test('Fréchet distance detects a correlation that no single column shows', () => {
  const x = normal(4_000, 2);
  const tied = x.map((_, i) => x[i - (i % 2)]!);
  // tr(I + J − 2·(J)^½) with J all ones, whose root has trace √2: (4 − 2√2) / 2.
  about(frechetDistance(x, tied, 2), 2 - Math.SQRT2, 0.05);
});

test('kernel distance is about 0 within one distribution and grows with a shift', () => {
  const [x, y] = [normal(2_000, 4), normal(2_000, 4, 1)];
  const near = kernelDistance(x, y, 4);
  assert.ok(Math.abs(near) < 0.02);
  const shifted = (by: number) =>
    kernelDistance(
      x,
      y.map((value) => value + by),
      4,
    );
  assert.ok(near < shifted(0.3) && shifted(0.3) < shifted(1));
});

test('kernel distance of two pairs of points equals the result by hand', () => {
  const subset = [{ real: Uint32Array.of(0, 1), generated: Uint32Array.of(0, 1) }];
  // k(x, y) = (x·y + 1)³: reals 0 and 1 give 1, generated 1 and 2 give 27, across 1, 1, 8, 27.
  about(kernelDistance(Float32Array.of(0, 1), Float32Array.of(1, 2), 1, subset), 1 + 27 - (2 * 37) / 4, 1e-4);
});

test('precision, recall, density and coverage of small sets equal the results by hand', () => {
  // Two real clusters of six, and generated images in the first of them only: half the reals are covered.
  const cluster = (at: number): number[] => [0, 1, 2, 3, 4, 5].map((i) => at + i);
  const real = Float32Array.from([...cluster(0), ...cluster(1000)]);
  const generated = Float32Array.from([...cluster(0.1), ...cluster(0.2)]);
  const scores = manifoldScores(real, generated, 1);
  assert.equal(scores.precision, 1);
  assert.equal(scores.coverage, 0.5);
  assert.equal(scores.recall, 0.5);
  const self = manifoldScores(real, real, 1);
  assert.deepEqual([self.precision, self.recall, self.coverage], [1, 1, 1]);
  const far = manifoldScores(
    real,
    real.map((value) => value + 500),
    1,
  );
  assert.deepEqual([far.precision, far.density, far.coverage], [0, 0, 0]);
});

test('manifold scores over several blocks of distances are near 1 for one distribution', () => {
  const [x, y] = [normal(1_500, 3), normal(1_500, 3, 1)];
  const { precision, recall, density, coverage } = manifoldScores(x, y, 3);
  for (const score of [precision, recall, density, coverage])
    assert.ok(score > 0.85 && score < 1.1, `${score}`);
});

test('diversity is the mean distance within a label, and null for a label with one image', () => {
  const values = Float32Array.of(0, 0, 3, 4, 0, 0, 1, 1, 1, 1, 7, 7);
  const { mean, perLabel } = diversityOf(values, [0, 0, 0, 1, 1, 2], 2, 4);
  assert.deepEqual(perLabel, [10 / 3, 0, null, null]);
  about(mean, 10 / 6);
  const ratio = diversityRatio({ mean: 1, perLabel: [1, 2, null] }, { mean: 2, perLabel: [2, null, 3] });
  assert.deepEqual(ratio, { overall: 0.5, perLabel: [0.5, null, null] });
});

const SIZE = { width: 16, height: 16, channels: 1 };
/** A 16×16 image from a function of its pixels. */
const draw = (ink: (x: number, y: number) => number): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, i) => ink(i % 16, Math.floor(i / 16)));
const bar = (lean: number, width = 2) =>
  draw((x, y) => (y > 2 && y < 13 && Math.abs(x - 8 - lean * (y - 8)) <= width / 2 ? 255 : 0));

test('sharpness is 0 for flat images and ramps, positive for edges, and the median over images', () => {
  const flat = draw(() => 80);
  const ramp = draw((x) => x * 10);
  const edge = draw((x) => (x < 8 ? 0 : 255));
  assert.equal(sharpnessOf(flat, SIZE), 0);
  about(sharpnessOf(ramp, SIZE), 0);
  // Two of fourteen columns have a Laplacian of ±1.
  about(sharpnessOf(edge, SIZE), 2 / 14);
  about(sharpnessOf(Uint8Array.from([...flat, ...edge, ...edge]), SIZE), 2 / 14);
});

test('sharpness of a colour image is that of the mean of its channels', () => {
  const edge = draw((x) => (x < 8 ? 0 : 255));
  const tripled = Uint8Array.from({ length: 768 }, (_, i) => edge[Math.floor(i / 3)]!);
  about(sharpnessOf(tripled, { ...SIZE, channels: 3 }), 2 / 14);
});

test('mean squared error and mean row distance equal the results by hand', () => {
  about(meanSquaredError(Uint8Array.of(0, 255, 51), Uint8Array.of(0, 0, 0)), (1 + 0.04) / 3);
  about(meanRowDistance(Float32Array.of(0, 0, 1, 1), Float32Array.of(3, 4, 1, 1), 2), 2.5);
});

test('structural similarity is 1 to itself, falls with damage and follows the formula for flat images', () => {
  const image = bar(0.3);
  about(structuralSimilarity(image, image, SIZE), 1);
  const damaged = image.map((byte, i) => (i % 3 === 0 ? 255 - byte : byte));
  assert.ok(structuralSimilarity(image, damaged, SIZE) < 0.6);
  const [a, b] = [51 / 255, 102 / 255];
  const wanted = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4);
  about(
    structuralSimilarity(
      draw(() => 51),
      draw(() => 102),
      SIZE,
    ),
    wanted,
  );
});

test('slant follows the lean of a stroke and ink its weight, and an empty image has no slant', () => {
  const images = Uint8Array.from([...bar(-0.4), ...bar(0), ...bar(0.4), ...bar(0, 4), ...draw(() => 0)]);
  const { slant, ink } = styleMoments(images, SIZE);
  about(slant[1]!, 0, 1e-9);
  about(slant[2]!, 0.4, 0.1);
  about(slant[0]!, -slant[2]!, 0.05);
  assert.equal(ink[1], 30);
  assert.ok(ink[3]! > ink[1]!);
  assert.ok(Number.isNaN(slant[4]!) && ink[4] === 0);
});

test("Spearman's correlation depends on the order only, shares the ranks of ties and ignores missing values", () => {
  const x = Float64Array.of(1, 2, 3, 4);
  assert.equal(spearman(x, Float64Array.of(1, 8, 27, 64)), 1);
  assert.equal(spearman(x, Float64Array.of(4, 3, 2, 1)), -1);
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
  about(spearman(Float64Array.of(1, 2, 2, 3), x)!, 4.5 / Math.sqrt(4.5 * 5));
  assert.equal(spearman(Float64Array.of(1, Number.NaN, 2, 3), Float64Array.of(1, 5, 2, 3)), 1);
  assert.equal(spearman(x, Float64Array.of(7, 7, 7, 7)), null);
});

test('transfer correlation is positive with the own sources and negative in reversed order', () => {
  const sources = Float64Array.of(1, 2, 3, 4);
  // Two targets: the first keeps the order, the second ignores the source.
  const results = Float64Array.of(10, 5, 20, 5, 30, 5, 40, 5);
  assert.equal(transferCorrelation(sources, results, [0, 1, 2, 3]), 0.5);
  assert.equal(transferCorrelation(sources, results, [3, 2, 1, 0]), -0.5);
  assert.equal(transferCorrelation(sources, new Float64Array(8).fill(1), [0, 1, 2, 3]), null);
});

test('KL divergence and active units per dimension equal the results by hand', () => {
  const mean = Float32Array.of(0, 1, 0, -1);
  const logVar = Float32Array.of(0, 0, 0, 0);
  assert.deepEqual(klPerDimension(mean, logVar, 2), [0, 0.5]);
  about(klPerDimension(Float32Array.of(0), Float32Array.of(Math.log(4)), 1)[0]!, 0.5 * (3 - Math.log(4)));
  assert.equal(activeUnits(mean, 2), 1);
});

test('a linear probe predicts labels that the mean holds, and is near chance where it holds none', () => {
  const labels = Uint8Array.from({ length: 900 }, (_, i) => i % 3);
  const blind = { mean: normal(900, 2), labels };
  const informative = {
    mean: blind.mean.map((value, i) => value + 6 * (labels[i >> 1] === i % 2 ? 1 : 0)),
    labels,
  };
  assert.ok(probeAccuracy(informative, informative, 2, 3) > 0.97);
  assert.ok(probeAccuracy(blind, { mean: normal(900, 2, 1), labels }, 2, 3) < 0.45);
});

test('the nearest training image is found in any block', async () => {
  const training = new Uint8Array(9_000 * 4).fill(255);
  training.set([10, 20, 30, 40], 8_500 * 4);
  training.set([0, 0, 0, 51], 10 * 4);
  const images = Uint8Array.of(10, 20, 30, 40, 0, 0, 0, 0, 255, 255, 255, 0);
  // Distances 0, about 0.2 and 1: the median is the second.
  about(
    await nearestTrainingDistance(images, training, 4),
    Math.hypot(10, 20, 30, 40) / 255 < 0.2 ? 0 : 0.2,
    1e-3,
  );
});

test('metrics dispose all their tensors', async () => {
  const x = normal(1_200, 4);
  const before = tf.memory().numTensors;
  kernelDistance(x, x, 4);
  manifoldScores(x, x, 4);
  await nearestTrainingDistance(new Uint8Array(40), new Uint8Array(80), 4);
  assert.equal(tf.memory().numTensors, before);
});
