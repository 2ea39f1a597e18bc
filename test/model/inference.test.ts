import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelRecord } from '../../src/core/contracts/model.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { StepRandom, type Tensor2D, type Tensor4D, tf } from '../../src/engine/index.ts';
import { architectureOf } from '../../src/model/architecture.ts';
import { decodeLogits } from '../../src/model/decoder.ts';
import { encode } from '../../src/model/encoder.ts';
import { BASES, buildInferenceModel } from '../../src/model/inference.ts';
import { inferencePass } from '../../src/model/layers.ts';
import { createNetworks, disposeNetworks, exportNetworks } from '../../src/model/networks.ts';
import type { Weights } from '../../src/model/weights.ts';

const LATENT = 5;
const TINY = { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] } as const;
/** The article's own widths: kernels are chosen by size. */
const ARTICLE = resolveConfig('article').networks;
const IMAGE = { width: 28, height: 28, channels: 1 as const, labels: [...'0123456789'] };

/** Replaces the initial zeros and ones of biases, offsets and statistics, as training does. */
function disturb(weights: Weights): void {
  for (const [name, tensor] of weights) {
    if (name.endsWith('/kernel')) continue;
    const random = new StepRandom(name.length, 'weights', tensor.size);
    weights.set(name, tf.keep(tf.tidy(() => tensor.add(random.uniform(tensor.shape).mul(0.5)))));
    tensor.dispose();
  }
}

interface Build {
  batchNorm?: boolean;
  widths?: { [Name in keyof typeof TINY]: readonly number[] };
  image?: Omit<typeof IMAGE, 'channels'> & { channels: 1 | 3 };
}

async function setUp({ batchNorm = false, widths = TINY, image = IMAGE }: Build = {}) {
  const config = resolveConfig('article', { latentDim: LATENT, batchNorm, networks: widths as never });
  const networks = createNetworks(architectureOf(image, config), config, 2);
  for (const weights of [networks.trained.encoder, networks.trained.decoder, networks.statistics])
    disturb(weights);
  const record = { image, config } as ModelRecord;
  const model = await buildInferenceModel(record, exportNetworks(networks).weights);
  return { networks, model };
}

function drawLatents(count: number): Float32Array {
  const drawn = new StepRandom(1, 'samples', 0).normal([count, LATENT]);
  const values = Float32Array.from(drawn.dataSync());
  drawn.dispose();
  return values;
}
const drawLabels = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i % 10);

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    const room = 1e-4 * Math.max(1, Math.abs(expected[i]!));
    assert.ok(
      Math.abs(actual[i]! - expected[i]!) <= room,
      `${what} ${i}: ${actual[i]} against ${expected[i]}`,
    );
  }
}

const BUILDS: Record<string, Build> = {
  'small networks': {},
  'batch normalisation': { batchNorm: true },
  "at the article's size": { widths: ARTICLE },
  'colour images that are not square': {
    image: { width: 20, height: 12, channels: 3, labels: [...'abcdefghij'] },
  },
};
for (const [what, build] of Object.entries(BUILDS)) {
  test(`the compiled graphs equal the training networks: ${what}`, async () => {
    const { networks, model } = await setUp(build);
    const { height, width, channels } = networks.architecture;
    const count = 20;
    const latents = drawLatents(count);
    const labels = drawLabels(count);
    const pass = inferencePass(build.batchNorm ?? false);
    const plain = tf.tidy(() => {
      const y = tf.oneHot(tf.tensor1d(labels, 'int32'), 10).toFloat() as Tensor2D;
      const z = tf.tensor2d(latents, [count, LATENT]);
      // With the dropout rate of training but no random stream the plain, unfolded form cannot run by accident.
      const decoder = new Map([...networks.trained.decoder, ...networks.statistics]);
      const logits = decodeLogits(decoder, networks.architecture, z, y, pass);
      const images = tf.sigmoid(logits).mul(255).dataSync();
      const bytes = Uint8Array.from(images, Math.round);
      const encoder = new Map([...networks.trained.encoder, ...networks.statistics]);
      const x = tf.tensor4d(Float32Array.from(bytes), [count, height, width, channels]).div(255) as Tensor4D;
      const { mu, logVar } = encode(encoder, networks.architecture, x, y, pass);
      return { logits: tf.keep(logits), mu: tf.keep(mu), logVar: tf.keep(logVar), images, bytes };
    });
    assertClose(model.decodeLogits(latents, labels), plain.logits.dataSync(), 'logit');
    for (const [i, byte] of model.decode(latents, labels).entries()) {
      const level = plain.images[i]!;
      assert.ok(Math.abs(byte - level) <= 0.5 + 255e-4, `pixel ${i}: ${byte} against ${level}`);
    }
    const encoded = model.encode(plain.bytes, labels);
    assertClose(encoded.mean, plain.mu.dataSync(), 'mean');
    assertClose(encoded.logVar, plain.logVar.dataSync(), 'log-variance');
    tf.dispose([plain.logits, plain.mu, plain.logVar]);
    model.dispose();
    disposeNetworks(networks);
  });
}

for (const [what, widths] of Object.entries({ 'small networks': TINY, "the article's networks": ARTICLE })) {
  test(`output bytes do not depend on the rest of the batch or the position in it: ${what}`, async () => {
    const { networks, model } = await setUp({ widths });
    assert.ok(BASES.some((base) => model.tiles.includes(base)));
    const count = Math.max(...model.tiles) * 2 + 3;
    const latents = drawLatents(count);
    const labels = drawLabels(count);
    const all = model.decode(latents, labels);
    const moments = model.encode(all, labels);
    // In company of every size, so that each tile is used, full and with room to spare.
    for (let size = 1; size <= Math.max(...model.tiles) + 1; size++) {
      const from = (size * 7) % (count - size);
      const to = from + size;
      const images = all.slice(from * 784, to * 784);
      const some = labels.slice(from, to);
      assert.deepEqual(model.decode(latents.slice(from * LATENT, to * LATENT), some), images);
      const { mean, logVar } = model.encode(images, some);
      assert.deepEqual(mean, moments.mean.slice(from * LATENT, to * LATENT));
      assert.deepEqual(logVar, moments.logVar.slice(from * LATENT, to * LATENT));
    }
    model.dispose();
    disposeNetworks(networks);
  });
}

test('inference leaks no tensors, and disposing a model frees all of its tensors', async () => {
  const before = tf.memory().numTensors;
  const { networks, model } = await setUp();
  const built = tf.memory().numTensors;
  const image = model.decode(new Float32Array(LATENT), Int32Array.of(3));
  model.encode(image, Int32Array.of(3));
  const scores = model.explain(image);
  assert.equal(scores.length, 10);
  assert.ok(scores.every(Number.isFinite));
  assert.equal(tf.memory().numTensors, built);
  model.dispose();
  disposeNetworks(networks);
  assert.equal(tf.memory().numTensors, before);
});

test('the evidence of labels does not depend on the rest of the batch', async () => {
  const { networks, model } = await setUp({ widths: ARTICLE });
  const labels = drawLabels(30);
  const images = model.decode(drawLatents(30), labels);
  const together = model.explain(images);
  const alone = model.explain(images.slice(784, 2 * 784));
  assert.deepEqual(together.slice(10, 20), alone);
  model.dispose();
  disposeNetworks(networks);
});

test('weights of another shape are rejected with the name of the weight', async () => {
  const { networks, model } = await setUp();
  const stored = exportNetworks(networks).weights;
  model.dispose();
  disposeNetworks(networks);
  const config = resolveConfig('article', { latentDim: LATENT });
  await assert.rejects(buildInferenceModel({ image: IMAGE, config } as ModelRecord, stored), {
    code: 'checkpoint_corrupt',
    message: /encoder\/conv1\/kernel should have shape \[3,3,1,32\]/,
  });
});
