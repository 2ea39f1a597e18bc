import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelRecord } from '../../src/contracts/model.ts';
import { resolveConfig } from '../../src/contracts/presets.ts';
import { StepRandom, type Tensor2D, tf } from '../../src/engine/index.ts';
import { decode } from '../../src/model/decoder.ts';
import { buildInferenceModel, TILE } from '../../src/model/inference.ts';
import { inferencePass } from '../../src/model/layers.ts';
import { createNetworks, disposeNetworks, exportNetworks } from '../../src/model/networks.ts';
import { modelShape } from '../../src/model/shape.ts';

const LATENT = 5;
async function setUp(batchNorm = false) {
  const config = resolveConfig('article', {
    latentDim: LATENT,
    batchNorm,
    networks: { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] },
  });
  const image = { width: 28, height: 28, channels: 1 as const, labels: [...'0123456789'] };
  const networks = createNetworks(modelShape(image, config), config, 2);
  const record = { image, config } as ModelRecord;
  const model = await buildInferenceModel(record, exportNetworks(networks).weights);
  return { networks, model };
}

for (const batchNorm of [false, true]) {
  test(`the serving form of the decoder equals the training form${batchNorm ? ' with batch normalisation' : ''}`, async () => {
    const { networks, model } = await setUp(batchNorm);
    const count = 20;
    const latents = new StepRandom(1, 'samples', 0).normal([count, LATENT]) as Tensor2D;
    const labels = Int32Array.from({ length: count }, (_, i) => i % 10);
    const served = await model.decode(Float32Array.from(latents.dataSync()), labels);
    tf.tidy(() => {
      const y = tf.oneHot(tf.tensor1d(labels, 'int32'), 10).toFloat() as Tensor2D;
      // With the dropout rate of training but no random stream the plain, unfolded form cannot run by accident.
      const weights = new Map([...networks.trained.decoder, ...networks.statistics]);
      const plain = decode(weights, networks.shape, latents, y, inferencePass(batchNorm)).mul(255).dataSync();
      assert.equal(served.length, plain.length);
      served.forEach((byte, i) => {
        assert.ok(Math.abs(byte - plain[i]!) <= 0.5 + 255e-4, `pixel ${i}: ${byte} against ${plain[i]}`);
      });
    });
    model.dispose();
    disposeNetworks(networks);
  });
}

test("an answer's bytes do not depend on what shares its batch, nor on where it stands", async () => {
  const { networks, model } = await setUp();
  const count = TILE * 2 + 3;
  const latents = Float32Array.from(new StepRandom(1, 'samples', 0).normal([count, LATENT]).dataSync());
  const labels = Int32Array.from({ length: count }, (_, i) => i % 10);
  const all = await model.decode(latents, labels);
  const means = (await model.encode(all, labels)).mean;
  for (const i of [0, 1, TILE - 1, TILE, count - 1]) {
    const image = all.slice(i * 784, (i + 1) * 784);
    assert.deepEqual(
      await model.decode(latents.slice(i * LATENT, (i + 1) * LATENT), labels.slice(i, i + 1)),
      image,
    );
    const alone = await model.encode(image, labels.slice(i, i + 1));
    assert.deepEqual(alone.mean, means.slice(i * LATENT, (i + 1) * LATENT));
  }
  model.dispose();
  disposeNetworks(networks);
});

test('inference leaks no tensors', async () => {
  const { networks, model } = await setUp();
  const before = tf.memory().numTensors;
  const image = await model.decode(new Float32Array(LATENT), Int32Array.of(3));
  await model.encode(image, Int32Array.of(3));
  const scores = await model.explain(image);
  assert.equal(scores.length, 10);
  assert.ok(scores.every(Number.isFinite));
  assert.equal(tf.memory().numTensors, before);
  model.dispose();
  disposeNetworks(networks);
});

test('weights of another shape are refused with the name of the weight', async () => {
  const { networks, model } = await setUp();
  const stored = exportNetworks(networks).weights;
  model.dispose();
  disposeNetworks(networks);
  const config = resolveConfig('article', { latentDim: LATENT });
  const image = { width: 28, height: 28, channels: 1 as const, labels: [...'0123456789'] };
  await assert.rejects(buildInferenceModel({ image, config } as ModelRecord, stored), {
    code: 'checkpoint_corrupt',
    message: /encoder\/conv1\/kernel should have shape \[3,3,1,32\]/,
  });
});
