import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { TrainingConfig } from '../../src/core/contracts/config.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { type StepRandom, type Tensor2D, type Tensor4D, tf } from '../../src/engine/index.ts';
import { architectureOf, type NetworkName } from '../../src/model/architecture.ts';
import { decode, decodeLogits } from '../../src/model/decoder.ts';
import { discriminate } from '../../src/model/discriminator.ts';
import { discriminatorGradients } from '../../src/model/discriminator-gradients.ts';
import { encode, sampleLatent } from '../../src/model/encoder.ts';
import { jointGradients } from '../../src/model/joint-gradients.ts';
import { inferencePass } from '../../src/model/layers.ts';
import * as losses from '../../src/model/losses.ts';
import { createNetworks, disposeNetworks, movedWeights, type Networks } from '../../src/model/networks.ts';
import { discriminatorStep, jointStep } from '../../src/model/steps.ts';
import type { StepSettings } from '../../src/model/training-pass.ts';

/** Results that scripts/make-fixtures.py computed with TensorFlow in float64 from the same weights and inputs. */
interface Summary {
  norm: number;
  projection: number;
  head: number[];
}
type NetworkSummaries = Record<NetworkName, Record<string, Summary>>;
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/article-steps.json', import.meta.url), 'utf8'),
) as {
  losses: Record<string, number>;
  gradients: Record<'likelihood' | 'likelihood-mse', NetworkSummaries>;
  updates: NetworkSummaries[];
};

const BATCH = 4;
const TOLERANCE = 1e-4;
const NETWORKS: NetworkName[] = ['encoder', 'decoder', 'discriminator'];

/** The same formula as in the script. */
function values(name: string, shape: number[], scale: number): Float32Array {
  let key = 0;
  for (let i = 0; i < name.length; i++) key += (i + 1) * name.charCodeAt(i);
  key %= 9973;
  const size = shape.reduce((product, side) => product * side, 1);
  return Float32Array.from({ length: size }, (_, i) => {
    const s = Math.sin((i + 1) * 12.9898 + key) * 43758.5453;
    return ((s - Math.floor(s)) * 2 - 1) * scale;
  });
}

const config = (similarity: TrainingConfig['similarity']): TrainingConfig =>
  resolveConfig('article', {
    similarity,
    dropout: 0,
    batchSize: BATCH,
    networks: { encoder: [4, 6, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] },
  });

function givenNetworks(settings: TrainingConfig): Networks {
  const architecture = architectureOf(
    { width: 28, height: 28, channels: 1, labels: Array.from({ length: 10 }) },
    settings,
  );
  const networks = createNetworks(architecture, settings, 0);
  for (const network of NETWORKS) {
    for (const [name, tensor] of networks.trained[network]) {
      const kernel = name.endsWith('/kernel');
      const [fanIn, fanOut] = tensor.shape.slice(-2) as [number, number];
      const window = tensor.shape.slice(0, -2).reduce((product, side) => product * side, 1);
      const scale = kernel ? Math.sqrt(6 / (window * (fanIn + fanOut))) : 0.1;
      networks.trained[network].set(name, tf.tensor(values(name, tensor.shape, scale), tensor.shape));
      tensor.dispose();
    }
  }
  return networks;
}

const input = () => ({
  x: tf
    .tensor4d(values('x', [BATCH, 28, 28, 1], 1), [BATCH, 28, 28, 1])
    .add(1)
    .div(2) as Tensor4D,
  y: tf.oneHot(tf.tensor1d([3, 0, 9, 3], 'int32'), 10).toFloat() as Tensor2D,
  zPrior: tf.tensor2d(values('z-prior', [BATCH, 8], 2), [BATCH, 8]),
});
const epsilon = () => tf.tensor2d(values('epsilon', [BATCH, 8], 2), [BATCH, 8]);

/** Without dropout a step draws only ε. */
const settings = (config: TrainingConfig): StepSettings => ({
  config,
  rateFactor: 1,
  priorFactor: 1,
  inputNoise: 0,
  random: { normal: () => epsilon() } as unknown as StepRandom,
});

/** Within the tolerance relative to the tensor's norm, for norm, projection and single entries. */
function assertMatches(name: string, tensor: Float32Array, expected: Summary): void {
  const probe = values(`probe/${name}`, [tensor.length], 1);
  const norm = Math.sqrt(tensor.reduce((sum, v) => sum + v * v, 0));
  const projection = tensor.reduce((sum, v, i) => sum + v * probe[i]!, 0);
  const within = (what: string, found: number, wanted: number) =>
    assert.ok(
      Math.abs(found - wanted) <= TOLERANCE * expected.norm,
      `${what} of ${name} is ${found}, expected ${wanted} (norm ${expected.norm})`,
    );
  within('norm', norm, expected.norm);
  within('projection', projection, expected.projection);
  expected.head.forEach((wanted, i) => {
    within(`entry ${i}`, tensor[i]!, wanted);
  });
}

test('every loss of the article equals an independent computation', () => {
  const settings = config('cross-entropy');
  const networks = givenNetworks(settings);
  const { encoder, decoder, discriminator } = networks.trained;
  const pass = inferencePass(false);
  const found = tf.tidy(() => {
    const { x, y, zPrior } = input();
    const { mu, logVar } = encode(encoder, networks.architecture, x, y, pass);
    const z = sampleLatent(mu, logVar, epsilon());
    const recLogits = decodeLogits(decoder, networks.architecture, z, y, pass);
    const judge = (image: Tensor4D) =>
      discriminate(discriminator, networks.architecture, image, y, 'side-branch', pass);
    const real = judge(x);
    const rec = judge(tf.sigmoid(recLogits));
    const prior = judge(decode(decoder, networks.architecture, zPrior, y, pass));
    const d = (judged: typeof real) => tf.sigmoid(judged.logit);
    const fakes = [
      { d: d(prior), weight: 2 },
      { d: d(rec), weight: 1 },
    ];
    return Object.entries({
      prior: losses.priorLoss(mu, logVar, 784),
      likelihood: losses.likelihoodLoss(real.similarity()[0]!, rec.similarity()[0]!, 784),
      'likelihood-mse': losses.likelihoodLossMse(real.similarity()[0]!, rec.similarity()[0]!, 784),
      gan: losses.ganLoss(d(real), fakes, 784),
      pixel: losses.pixelLoss(x, recLogits, 784),
      kl: losses.klDivergence(mu, logVar),
    }).map(([name, loss]) => [name, loss.dataSync()[0]!] as const);
  });
  assert.equal(found.length, Object.keys(fixture.losses).length);
  for (const [name, loss] of found) {
    const expected = fixture.losses[name]!;
    assert.ok(
      Math.abs(loss - expected) <= TOLERANCE * Math.abs(expected),
      `${name}: ${loss}, expected ${expected}`,
    );
  }
  disposeNetworks(networks);
});

for (const similarity of ['cross-entropy', 'mse'] as const) {
  test(`gradients of all three networks equal an independent computation (${similarity})`, () => {
    const chosen = config(similarity);
    const expected = fixture.gradients[similarity === 'mse' ? 'likelihood-mse' : 'likelihood'];
    const networks = givenNetworks(chosen);
    tf.tidy(() => {
      const found = {
        ...jointGradients(networks, input(), settings(chosen)).gradients,
        ...discriminatorGradients(networks, input(), settings(chosen)).gradients,
      };
      for (const network of NETWORKS) {
        const names = [...movedWeights(networks, network).keys()];
        const gradients = found[network];
        assert.deepEqual([...names].sort(), Object.keys(expected[network]).sort());
        names.forEach((name, i) => {
          assertMatches(name, gradients[i]!.dataSync() as Float32Array, expected[network][name]!);
        });
      }
    });
    disposeNetworks(networks);
  });
}

test("three alternations of discriminator and joint steps with TF 1's RMSProp equal an independent computation", () => {
  const chosen = config('cross-entropy');
  const networks = givenNetworks(chosen);
  for (const expected of fixture.updates) {
    tf.tidy(() => {
      discriminatorStep(networks, input(), settings(chosen));
      jointStep(networks, input(), settings(chosen));
    });
    for (const network of NETWORKS) {
      for (const [name, summary] of Object.entries(expected[network])) {
        assertMatches(name, networks.trained[network].get(name)!.dataSync() as Float32Array, summary);
      }
    }
  }
  disposeNetworks(networks);
});
