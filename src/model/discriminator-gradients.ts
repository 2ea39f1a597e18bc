import {
  GradientTape,
  type Scalar,
  type StepRandom,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tf,
} from '../engine/index.ts';
import { decode } from './decoder.ts';
import { discriminate } from './discriminator.ts';
import { encode, sampleLatent } from './encoder.ts';
import type { Pass } from './layers.ts';
import { type Entropies, GATE_ENTROPIES, ganLoss } from './losses.ts';
import { movedWeights, type Networks } from './networks.ts';
import { spectrallyNormalized, updateSingularVectors } from './spectral.ts';
import { observed, pixelsOf, type StepInput, type StepSettings, trainingPass } from './training-pass.ts';

interface Batch<T extends Tensor> {
  x: T;
  y: Tensor2D;
}

/** One batch for one pass of a network, unless batch normalisation is on: a joined batch would mix statistics. */
function joined<T extends Tensor>({ architecture }: Networks, batches: Batch<T>[]): Batch<T>[] {
  if (architecture.batchNorm) return batches;
  const [xs, ys] = [batches.map(({ x }) => x), batches.map(({ y }) => y)];
  return [{ x: tf.concat(xs, 0), y: tf.concat2d(ys, 0) }];
}

/** Labels that are all wrong: each is moved by a random number of places other than 0. */
function wrongLabels(y: Tensor2D, random: StepRandom): Tensor2D {
  const [rows, labels] = y.shape;
  const places = random
    .uniform([rows])
    .mul(labels - 1)
    .floor()
    .add(1);
  const moved = y.argMax(1).add(places).mod(labels).toInt();
  return tf.oneHot(moved, labels).toFloat() as Tensor2D;
}

/**
 * The images that count as fake in L_GAN, and one weight for each batch of B: prior samples x_p, reconstructions x̃, and real
 * images under a wrong label (Reed et al. 2016). No gradient flows into them.
 */
function fakeImages(
  networks: Networks,
  { x, y, zPrior }: StepInput,
  settings: StepSettings,
  pass: Pass,
): { images: Batch<Tensor4D>[]; weights: number[] } {
  const { config, random } = settings;
  const { trained, architecture } = networks;
  const latents = [{ x: zPrior, y }];
  const weights = [config.priorFakeWeight];
  if (config.reconstructionFakeWeight > 0) {
    const { mu, logVar } = encode(trained.encoder, architecture, x, y, pass);
    latents.push({ x: sampleLatent(mu, logVar, random.normal(mu.shape) as Tensor2D), y });
    weights.push(config.reconstructionFakeWeight);
  }
  const images = joined(networks, latents).map((batch) => ({
    x: decode(trained.decoder, architecture, batch.x, batch.y, pass),
    y: batch.y,
  }));
  if (config.wrongLabelFakeWeight > 0) {
    images.push({ x, y: wrongLabels(y, random) });
    weights.push(config.wrongLabelFakeWeight);
  }
  return { images, weights };
}

/** ∂L_GAN/∂w of the discriminator's moved weights, and L_GAN itself. Call within `tf.tidy`. */
export function discriminatorGradients(
  networks: Networks,
  input: StepInput,
  settings: StepSettings,
): { losses: { gan: Scalar } & Entropies; gradients: Record<'discriminator', Tensor[]> } {
  const { config } = settings;
  const { architecture, statistics } = networks;
  const { discriminator } = networks.trained;
  const pass = trainingPass(networks, settings);
  const { images, weights } = fakeImages(networks, input, settings, pass);

  updateSingularVectors(architecture, discriminator, statistics);
  const { value: losses, tape } = GradientTape.record(() => {
    const dis = spectrallyNormalized(architecture, discriminator, statistics);
    const answers = joined(networks, [{ x: input.x, y: input.y }, ...images]).map(({ x, y }) => {
      const seen = observed(x, settings);
      return tf.sigmoid(discriminate(dis, architecture, seen, y, config.similarityLayer, pass).logit);
    });
    const [d, ...others] = architecture.batchNorm ? answers : tf.split(answers[0]!, 1 + weights.length);
    const fakes = others.map((answer, i) => ({ d: answer, weight: weights[i]! }));
    return { gan: ganLoss(d!, fakes, pixelsOf(networks)), ...GATE_ENTROPIES[config.gate](d!, fakes) };
  });
  const gradients = tape.gradients([losses.gan], [...movedWeights(networks, 'discriminator').values()]);
  tape.dispose();
  return { losses, gradients: { discriminator: gradients } };
}
