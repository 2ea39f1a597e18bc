import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { GradientTape, StepRandom, type Tensor, tf } from '../../src/engine/index.ts';
import { architectureOf } from '../../src/model/architecture.ts';
import {
  createNetworks,
  disposeNetworks,
  exportNetworks,
  restoreNetworks,
} from '../../src/model/networks.ts';
import { spectrallyNormalized, updateSingularVectors } from '../../src/model/spectral.ts';

const LAYERS = ['discriminator/conv1', 'discriminator/conv2', 'discriminator/head'];
const config = resolveConfig('quick', {
  spectralNorm: true,
  networks: { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] },
});
const architecture = architectureOf(
  { width: 28, height: 28, channels: 1, labels: Array.from({ length: 10 }) },
  config,
);

function largestSingularValue(kernel: Tensor): number {
  const rows = kernel.reshape([-1, kernel.shape.at(-1)!]).arraySync() as number[][];
  return new SingularValueDecomposition(new Matrix(rows)).diagonal[0]!;
}

test('after power iterations the largest singular value of every normalised kernel is 1', () => {
  const networks = createNetworks(architecture, config, 1);
  const { discriminator } = networks.trained;
  for (let i = 0; i < 200; i++) updateSingularVectors(architecture, discriminator, networks.statistics);
  tf.tidy(() => {
    const normalized = spectrallyNormalized(architecture, discriminator, networks.statistics);
    for (const layer of LAYERS) {
      const largest = largestSingularValue(normalized.get(`${layer}/kernel`)!);
      assert.ok(Math.abs(largest - 1) < 1e-3, `${layer}: ${largest}`);
    }
    // A layer off the trained path stays unchanged.
    assert.equal(
      normalized.get('discriminator/similarity/kernel'),
      discriminator.get('discriminator/similarity/kernel'),
    );
  });
  disposeNetworks(networks);
});

test('the gradient includes the singular value, with its vectors held fixed', () => {
  const networks = createNetworks(architecture, config, 2);
  const { trained, statistics } = networks;
  updateSingularVectors(architecture, trained.discriminator, statistics);
  const name = 'discriminator/conv2/kernel';
  tf.tidy(() => {
    const kernel = trained.discriminator.get(name)!;
    const direction = new StepRandom(9, 'steps', 1).normal(kernel.shape);
    const target = new StepRandom(9, 'steps', 2).normal(kernel.shape);
    const loss = (w: Tensor) =>
      tf.sum(
        spectrallyNormalized(architecture, new Map([...trained.discriminator, [name, w]]), statistics)
          .get(name)!
          .mul(target),
      );
    const { value, tape } = GradientTape.record(() => loss(kernel));
    const [gradient] = tape.gradients([value], [kernel]);
    tape.dispose();
    const along = tf.sum(gradient!.mul(direction)).dataSync()[0]!;
    const h = 1e-2;
    const [more, less] = [1, -1].map((sign) => loss(kernel.add(direction.mul(sign * h))).dataSync()[0]!);
    const difference = (more! - less!) / (2 * h);
    assert.ok(Math.abs(along - difference) < 0.02 * Math.abs(difference), `${along}, ${difference}`);
  });
  disposeNetworks(networks);
});

test('the singular vectors are stored and restored with the weights', () => {
  const networks = createNetworks(architecture, config, 3);
  updateSingularVectors(architecture, networks.trained.discriminator, networks.statistics);
  const stored = exportNetworks(networks);
  const restored = restoreNetworks(architecture, config, stored);
  assert.deepEqual(exportNetworks(restored), stored);
  assert.equal(stored.weights.filter(({ name }) => name.endsWith('singular-vector')).length, LAYERS.length);
  disposeNetworks(networks);
  disposeNetworks(restored);
});
