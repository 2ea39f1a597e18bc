import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrainingConfigOverrides } from '../../src/core/contracts/config.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import {
  type Scalar,
  StepRandom,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tf,
} from '../../src/engine/index.ts';
import { architectureOf } from '../../src/model/architecture.ts';
import { inferencePass } from '../../src/model/layers.ts';
import * as losses from '../../src/model/losses.ts';
import { createNetworks, disposeNetworks, exportNetworks, type Networks } from '../../src/model/networks.ts';
import { cvaeStep, discriminatorStep, jointStep } from '../../src/model/steps.ts';
import type { StepInput } from '../../src/model/training-pass.ts';

const BATCH = 4;
const WIDTHS = { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] } as const;
const CASES: {
  name: string;
  image: { width: number; height: number; channels: number };
  labels: number;
  overrides: TrainingConfigOverrides;
}[] = [
  { name: "the article's sizes", image: { width: 28, height: 28, channels: 1 }, labels: 10, overrides: {} },
  {
    name: 'batch normalisation',
    image: { width: 28, height: 28, channels: 1 },
    labels: 10,
    overrides: { batchNorm: true },
  },
  {
    name: 'colour, 16×32 pixels, 3 labels, latent 2',
    image: { width: 16, height: 32, channels: 3 },
    labels: 3,
    overrides: { latentDim: 2 },
  },
  {
    name: 'the other losses, Adam, no dropout',
    image: { width: 28, height: 28, channels: 1 },
    labels: 10,
    overrides: {
      dropout: 0,
      optimizer: 'adam',
      ganLoss: 'non-saturating',
      similarity: 'mse',
      similarityLayer: 'hidden',
      pixelWeight: 1,
    },
  },
  {
    name: 'prior samples as the only fakes',
    image: { width: 28, height: 28, channels: 1 },
    labels: 10,
    overrides: { reconstructionFakeWeight: 0 },
  },
  {
    name: 'no dropout in the similarity pass',
    image: { width: 28, height: 28, channels: 1 },
    labels: 10,
    overrides: { similarityDropout: false },
  },
  {
    name: "noise on the discriminator's images, and wrong labels as fakes",
    image: { width: 28, height: 28, channels: 1 },
    labels: 10,
    overrides: { wrongLabelFakeWeight: 1, inputNoise: 0.1 },
  },
  {
    name: 'spectral normalisation, and similarity in every hidden layer',
    image: { width: 28, height: 28, channels: 1 },
    labels: 10,
    overrides: { spectralNorm: true, similarity: 'mse', similarityLayer: 'every-hidden' },
  },
  {
    name: 'a KL term without clipping',
    image: { width: 28, height: 28, channels: 1 },
    labels: 10,
    overrides: { priorLoss: 'exact' },
  },
];

function setUp({ image, labels, overrides }: (typeof CASES)[number]) {
  const widths = {
    encoder: [...WIDTHS.encoder],
    decoder: [...WIDTHS.decoder],
    discriminator: [...WIDTHS.discriminator],
  };
  const config = resolveConfig('article', { batchSize: BATCH, networks: widths as never, ...overrides });
  const architecture = architectureOf({ ...image, labels: Array.from({ length: labels }) }, config);
  const networks = createNetworks(architecture, config, 3);
  const random = new StepRandom(4, 'samples', 0);
  const input: StepInput = {
    x: random.uniform([BATCH, image.height, image.width, image.channels]) as Tensor4D,
    y: tf.oneHot(tf.tensor1d([0, 1, 2, 1], 'int32'), labels).toFloat() as Tensor2D,
    zPrior: random.normal([BATCH, config.latentDim]) as Tensor2D,
  };
  const settings = (step: number) => ({
    config,
    rateFactor: 1,
    priorFactor: 1,
    inputNoise: config.inputNoise,
    random: new StepRandom(5, 'steps', step),
  });
  return { networks, input, settings };
}

const snapshot = ({ trained }: Networks) =>
  Object.fromEntries(
    Object.entries(trained).map(([network, weights]) => [
      network,
      [...weights].map(([name, w]) => [name, w.dataSync().join()]),
    ]),
  );

function movedNetworks(before: ReturnType<typeof snapshot>, after: ReturnType<typeof snapshot>): string[] {
  return Object.keys(before).filter(
    (network) => JSON.stringify(before[network]) !== JSON.stringify(after[network]),
  );
}

for (const each of CASES) {
  test(`each step moves its own networks and leaks no tensors: ${each.name}`, () => {
    const { networks, input, settings } = setUp(each);
    const steps = [
      { run: discriminatorStep, moves: ['discriminator'] },
      { run: jointStep, moves: ['encoder', 'decoder'] },
      { run: cvaeStep, moves: ['encoder', 'decoder'] },
    ];
    steps.forEach(({ run, moves }, i) => {
      const before = snapshot(networks);
      const tensors = tf.memory().numTensors;
      const found = run(networks, input, settings(i));
      assert.equal(tf.memory().numTensors, tensors, `${run.name} leaks`);
      assert.deepEqual(movedNetworks(before, snapshot(networks)), moves);
      for (const [name, loss] of Object.entries(found))
        assert.ok(Number.isFinite(loss), `${name} is ${loss}`);
    });
    disposeNetworks(networks);
    tf.dispose(Object.values(input));
  });
}

test('a step is a function of weights, seed and step', () => {
  const once = () => {
    const { networks, input, settings } = setUp(CASES[0]!);
    const found = [discriminatorStep(networks, input, settings(0)), jointStep(networks, input, settings(1))];
    const state = JSON.stringify(exportNetworks(networks).weights.map(({ values }) => [...values]));
    disposeNetworks(networks);
    return { found, state };
  };
  assert.deepEqual(once(), once());
});

test('clipping changes the KL term of narrow posteriors only', () => {
  const mu = tf.tensor2d([[0.5, -1]]);
  const wide = tf.tensor2d([[-1.9, 1.9]]);
  const narrow = tf.tensor2d([[-4, -4]]);
  const costs = (logVar: Tensor2D) => [
    losses.priorLoss(mu, logVar, 1).dataSync()[0]!,
    losses.klDivergence(mu, logVar).dataSync()[0]!,
  ];
  const [clipped, exact] = costs(wide);
  assert.ok(Math.abs(clipped! - exact!) < 1e-6);
  const [hidden, told] = costs(narrow);
  // ½ (e^−4 − 1 + 4) − ½ (e^−2 − 1 + 2) for each of the two dimensions.
  assert.ok(Math.abs(told! - hidden! - (Math.exp(-4) - Math.exp(-2) + 2)) < 1e-5);
});

test('steps move every weight except those of the random similarity branch', () => {
  const { networks, input, settings } = setUp(CASES[0]!);
  const before = snapshot(networks);
  discriminatorStep(networks, input, settings(0));
  jointStep(networks, input, settings(1));
  const after = snapshot(networks);
  const still = Object.keys(before).flatMap((network) =>
    before[network]!.filter(([, values], i) => values === after[network]![i]![1]).map(([name]) => name),
  );
  assert.deepEqual(still, ['discriminator/similarity/kernel', 'discriminator/similarity/bias']);
  disposeNetworks(networks);
});

test('with batch normalisation a step updates the moving statistics, and inference uses them', () => {
  const { networks, input, settings } = setUp(CASES[1]!);
  const name = 'encoder/conv1/moving-mean';
  const before = networks.statistics.get(name)!.dataSync().join();
  jointStep(networks, input, settings(0));
  assert.notEqual(networks.statistics.get(name)!.dataSync().join(), before);
  assert.equal(inferencePass(true).normalization, 'moving');
  disposeNetworks(networks);
});

/** Compares a loss's gradient along a random direction with its central difference. */
function assertGradient(loss: (x: Tensor) => Scalar, x: Tensor): void {
  tf.tidy(() => {
    const direction = new StepRandom(9, 'steps', 1).normal(x.shape);
    const h = 1e-2;
    const difference =
      loss(x.add(direction.mul(h)))
        .sub(loss(x.sub(direction.mul(h))))
        .dataSync()[0]! /
      (2 * h);
    const gradient = tf.sum(tf.grad(loss)(x).mul(direction)).dataSync()[0]!;
    const size = Math.max(Math.abs(difference), Math.abs(gradient), 1e-3);
    assert.ok(
      Math.abs(gradient - difference) / size < 0.02,
      `gradient ${gradient}, difference ${difference}`,
    );
  });
}

test('the gradient of every loss agrees with finite differences', () => {
  tf.tidy(() => {
    const random = new StepRandom(8, 'steps', 0);
    const [a, b] = [random.normal([4, 3]), random.normal([4, 3])];
    const [p, q] = [random.uniform([4, 1]).mul(0.8).add(0.1), random.uniform([4, 1]).mul(0.8).add(0.1)];
    assertGradient((x) => losses.priorLoss(x as Tensor2D, b as Tensor2D, 10), a);
    assertGradient((x) => losses.priorLoss(a as Tensor2D, x.mul(0.5) as Tensor2D, 10), b);
    assertGradient((x) => losses.klDivergence(a as Tensor2D, x as Tensor2D), b);
    assertGradient((x) => losses.likelihoodLoss(a as Tensor4D, x as Tensor4D, 10), b);
    assertGradient((x) => losses.likelihoodLossMse(a as Tensor4D, x as Tensor4D, 10), b);
    assertGradient((x) => losses.pixelLoss(tf.sigmoid(a) as Tensor4D, x as Tensor4D, 10), b);
    for (const which of [0, 1, 2]) {
      assertGradient((x) => {
        const [d, dPrior, dRec] = [p, q, p].map((fixed, i) => (i === which ? tf.sigmoid(x) : fixed));
        return losses.ganLoss(
          d!,
          [
            { d: dPrior!, weight: 2 },
            { d: dRec!, weight: 1 },
          ],
          10,
        );
      }, q.clone());
    }
    assertGradient(
      (x) =>
        losses.nonSaturatingLoss(
          [
            { d: tf.sigmoid(x), weight: 2 },
            { d: q, weight: 1 },
          ],
          10,
        ),
      p,
    );
  });
});

test('every similarity layer has equal weight whatever its scale, and one layer is not scaled', () => {
  tf.tidy(() => {
    const random = new StepRandom(8, 'steps', 3);
    const [x, rec] = [random.normal([2, 4, 4, 3]), random.normal([2, 4, 4, 3])] as [Tensor4D, Tensor4D];
    const large = (tensor: Tensor4D) => tf.tile(tensor.mul(10), [1, 2, 2, 1]) as Tensor4D;
    const compare = (one: Tensor4D[], other: Tensor4D[]): number =>
      losses.layersLikelihoodLoss(one, other, 10, losses.likelihoodLossMse).dataSync()[0]!;
    const one = losses.likelihoodLossMse(x, rec, 10).dataSync()[0]!;
    assert.equal(compare([x], [rec]), one);
    assert.ok(Math.abs(compare([large(x), x], [large(rec), rec]) / one - 1) < 1e-5);
  });
});

test('at chance level L_GAN is 64·4·ln 2 / 4 / 784', () => {
  const half = tf.fill([64, 1], 0.5);
  const fakes = [
    { d: half, weight: 2 },
    { d: half, weight: 1 },
  ];
  const chance = losses.ganLoss(half, fakes, 784).dataSync()[0]!;
  assert.ok(Math.abs(chance - (64 * 4 * Math.LN2) / 4 / 784) < 1e-6);
});
