import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import {
  architectureOf,
  networksOf,
  sizeOf,
  statisticsSpecs,
  trainedSpecs,
} from '../../src/model/architecture.ts';
import { createNetworks, disposeNetworks } from '../../src/model/networks.ts';

const image = { width: 28, height: 28, channels: 1, labels: Array.from({ length: 10 }) };

test("the list has the article's layers", () => {
  const { encoder, decoder, discriminator } = architectureOf(image, resolveConfig('article'));
  const summary = (layers: object) =>
    Object.values(layers).map(({ name, kernel, stride, output }) => [
      name,
      kernel.join('×'),
      stride,
      output.join('×'),
    ]);
  assert.deepEqual(summary(encoder), [
    ['encoder/conv1', '3×3×1×32', 2, '7×7×32'],
    ['encoder/conv2', '3×3×32×64', 1, '7×7×64'],
    ['encoder/hidden', '3146×64', 1, '64'],
    ['encoder/mean', '64×8', 1, '8'],
    ['encoder/log-var', '64×8', 1, '8'],
  ]);
  assert.deepEqual(summary(decoder), [
    ['decoder/hidden', '18×6272', 1, '6272'],
    ['decoder/conv1', '5×5×128×64', 1, '14×14×64'],
    ['decoder/conv2', '3×3×64×32', 1, '14×14×32'],
    ['decoder/image', '5×5×32×1', 1, '28×28×1'],
  ]);
  assert.deepEqual(summary(discriminator), [
    ['discriminator/conv1', '7×7×1×128', 2, '7×7×128'],
    ['discriminator/conv2', '3×3×138×64', 1, '4×4×64'],
    ['discriminator/similarity', '3×3×64×16', 1, '4×4×16'],
    ['discriminator/head', '', 1, '4×4×64'],
    ['discriminator/head', '1024×1', 1, '1'],
  ]);
});

test('the weights of the networks are those of the list, with and without batch normalisation', () => {
  for (const batchNorm of [false, true]) {
    const config = resolveConfig('quick', { batchNorm });
    const architecture = architectureOf(image, config);
    const networks = createNetworks(architecture, config, 1);
    for (const network of networksOf(config)) {
      const listed = trainedSpecs(architecture[network]).map(({ name, shape }) => [name, shape]);
      assert.deepEqual(
        [...networks.trained[network]].map(([name, { shape }]) => [name, shape]),
        listed,
      );
      const statistics = statisticsSpecs(architecture[network]);
      assert.equal(statistics.length > 0, batchNorm);
      for (const { name, shape } of statistics) assert.deepEqual(networks.statistics.get(name)?.shape, shape);
      assert.ok(listed.every(([, shape]) => sizeOf(shape as number[]) > 0));
    }
    disposeNetworks(networks);
  }
});

test('a side that is not a multiple of 4 is rejected', () => {
  assert.throws(() => architectureOf({ ...image, height: 30 }, resolveConfig('quick')), {
    code: 'validation_failed',
    message: /28×30/,
  });
});
