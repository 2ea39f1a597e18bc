import type { TrainingConfig } from '../core/contracts/config.ts';
import {
  GradientTape,
  type Scalar,
  type StepRandom,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tf,
} from '../engine/index.ts';
import { decode, decodeLogits } from './decoder.ts';
import { discriminate } from './discriminator.ts';
import { encode } from './encoder.ts';
import { NORM_MOMENTUM, type Pass } from './layers.ts';
import {
  entropiesOf,
  type Fakes,
  ganLoss,
  klDivergence,
  layersLikelihoodLoss,
  likelihoodLoss,
  likelihoodLossMse,
  nonSaturatingLoss,
  pixelLoss,
  priorLoss,
} from './losses.ts';
import { isMoved, type Networks } from './networks.ts';
import { updateNetwork } from './optimizers.ts';
import { sampleLatent } from './sampling.ts';
import { followSingularVectors, spectrallyNormalized } from './spectral.ts';
import type { Weights } from './weights.ts';

/** Images, their labels and a prior sample for each. */
export interface StepInput {
  /** B × H × W × C in [0, 1]. */
  x: Tensor4D;
  /** B × labels, one-hot. */
  y: Tensor2D;
  /** z_p ~ N(0, I), B × latentDim. */
  zPrior: Tensor2D;
}

/** What a step needs besides data: its numbers and its own random numbers. */
export interface StepSettings {
  config: TrainingConfig;
  /** Multiplies the configured learning rates. */
  rateFactor: number;
  /** Multiplies the configured weight of the KL term. */
  priorFactor: number;
  /** Deviation of the noise on images that the discriminator judges. */
  inputNoise: number;
  random: StepRandom;
}

/** Losses of a step before its update, by name. */
export type StepLosses<Name extends string> = Record<Name, number>;

/** Reads scalars back in one go, those there are. */
function readLosses<Losses extends Partial<Record<string, Tensor>>>(
  losses: Losses,
): { [Name in keyof Losses]: number } {
  const all = Object.entries(losses as Record<string, Tensor>);
  const values = tf.stack(all.map(([, loss]) => loss.reshape([]))).dataSync();
  return Object.fromEntries(all.map(([name], i) => [name, values[i]])) as { [Name in keyof Losses]: number };
}

function trainingPass({ statistics, shape }: Networks, { config, random }: StepSettings): Pass {
  if (!shape.batchNorm) return { dropout: config.dropout, random, normalization: 'off' };
  return {
    dropout: config.dropout,
    random,
    normalization: 'batch',
    observe(layer, mean, variance) {
      for (const [kind, observed] of [['mean', mean] as const, ['variance', variance] as const]) {
        const name = `${layer}/moving-${kind}`;
        const old = statistics.get(name)!;
        statistics.set(
          name,
          tf.keep(tf.tidy(() => old.mul(NORM_MOMENTUM).add(observed.mul(1 - NORM_MOMENTUM)))),
        );
        old.dispose();
      }
    },
  };
}

/** Batches through one network as one, which batch normalisation forbids: it would mix their statistics. */
function asOneBatch<T extends Tensor>(
  batches: T[],
  labels: Tensor2D[],
  joined: boolean,
): { x: T; y: Tensor2D }[] {
  if (!joined) return batches.map((x, i) => ({ x, y: labels[i]! }));
  return [{ x: tf.concat(batches, 0), y: tf.concat2d(labels, 0) }];
}

/** An image as the discriminator gets to see it (instance noise: Sønderby et al. 2017). */
function observed(image: Tensor4D, { inputNoise, random }: StepSettings): Tensor4D {
  if (inputNoise === 0) return image;
  return tf.add(image, random.normal(image.shape).mul(inputNoise)) as Tensor4D;
}

/** Labels that none of the images has: each moved by a random number of places other than 0. */
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

/** What the gate of an equilibrium goes by; no other gate needs it. */
type Entropies = Partial<Record<'real' | 'fake', Scalar>>;
const entropiesFor = ({ gate }: TrainingConfig, d: Tensor, fakes: Fakes[]): Entropies =>
  gate === 'equilibrium' ? entropiesOf(d, fakes) : {};

/** The gradient of L_GAN with respect to the discriminator's weights, and L_GAN itself. Call within `tf.tidy`. */
export function discriminatorGradients(
  networks: Networks,
  { x, y, zPrior }: StepInput,
  settings: StepSettings,
): { gan: Scalar; entropies: Entropies; moved: Weights; gradients: Tensor[] } {
  const { config, random } = settings;
  const { encoder, decoder, discriminator } = networks.trained;
  const pixels = networks.shape.height * networks.shape.width;
  const pass = trainingPass(networks, settings);
  const joined = !networks.shape.batchNorm;

  // Fakes: a prior sample x_p and, where they count, a reconstruction x̃ for each image. No gradient goes into them.
  const latents = [zPrior];
  const weights = [config.priorFakeWeight];
  if (config.reconstructionFakeWeight > 0) {
    const { mu, logVar } = encode(encoder, x, y, pass);
    latents.push(sampleLatent(mu, logVar, random.normal(mu.shape) as Tensor2D));
    weights.push(config.reconstructionFakeWeight);
  }
  const labels = latents.map(() => y);
  const images = asOneBatch(latents, labels, joined).map((batch) => ({
    x: decode(decoder, networks.shape, batch.x, batch.y, pass),
    y: batch.y,
  }));

  // A real image under a wrong label is a fake too (Reed et al. 2016).
  if (config.wrongLabelFakeWeight > 0) {
    images.push({ x, y: wrongLabels(y, random) });
    weights.push(config.wrongLabelFakeWeight);
  }

  // L_GAN of reals and fakes.
  followSingularVectors(discriminator, networks.statistics);
  const { value: found, tape } = GradientTape.record(() => {
    const dis = spectrallyNormalized(discriminator, networks.statistics);
    const all = asOneBatch(
      [x, ...images.map((batch) => batch.x)],
      [y, ...images.map((batch) => batch.y)],
      joined,
    );
    const judged = all.map((batch) => {
      const seen = observed(batch.x, settings);
      return tf.sigmoid(discriminate(dis, seen, batch.y, config.similarityLayer, pass).logit);
    });
    const [d, ...fakes] = joined ? tf.split(judged[0]!, 1 + weights.length) : judged;
    const weighted = fakes.map((d, i) => ({ d, weight: weights[i]! }));
    return { gan: ganLoss(d!, weighted, pixels), entropies: entropiesFor(config, d!, weighted) };
  });

  const moved: Weights = new Map([...discriminator].filter(([name]) => isMoved('discriminator', name)));
  const gradients = tape.gradients([found.gan], [...moved.values()]);
  tape.dispose();
  return { ...found, moved, gradients };
}

/**
 * One step of the discriminator: it minimises L_GAN. Moves the discriminator's weights only.
 *
 * @returns L_GAN before the update, and the entropies of its answers
 */
export function discriminatorStep(
  networks: Networks,
  input: StepInput,
  settings: StepSettings,
): StepLosses<'gan'> & Partial<StepLosses<'real' | 'fake'>> {
  const { config, rateFactor } = settings;
  return tf.tidy(() => {
    const { gan, entropies, moved, gradients } = discriminatorGradients(networks, input, settings);
    const rate = config.learningRates.discriminator * rateFactor;
    updateNetwork('discriminator', moved, gradients, networks.optimizer.discriminator, rate, config);
    for (const [name, tensor] of moved) networks.trained.discriminator.set(name, tensor);
    return readLosses({ gan, ...entropies });
  });
}

type JointLoss = 'prior' | 'likelihood' | 'pixel' | 'gan' | 'encoder' | 'decoder';

/**
 * The gradients of encoder and decoder from one forward pass through all three networks: the encoder's of
 * L_llike + L_prior, the decoder's of γ·L_llike − L_GAN. Call within `tf.tidy`.
 */
export function jointGradients(
  networks: Networks,
  { x, y, zPrior }: StepInput,
  settings: StepSettings,
): {
  losses: Record<JointLoss, Tensor> & Entropies;
  encoderGradients: Tensor[];
  decoderGradients: Tensor[];
} {
  const { config, random } = settings;
  const { encoder, decoder } = networks.trained;
  const discriminator = spectrallyNormalized(networks.trained.discriminator, networks.statistics);
  const pixels = networks.shape.height * networks.shape.width;
  // One forward pass through all three networks.
  const pass = trainingPass(networks, settings);
  const similarityPass = config.similarityDropout ? pass : { ...pass, dropout: 0 };
  const judge = (image: Tensor4D) =>
    discriminate(discriminator, observed(image, settings), y, config.similarityLayer, pass);
  const disL = (image: Tensor4D, judged: ReturnType<typeof judge>) =>
    config.similarityDropout
      ? judged.similarity()
      : discriminate(discriminator, image, y, config.similarityLayer, similarityPass).similarity();
  const priorWeight = config.priorWeight * settings.priorFactor;

  const real = judge(x);
  const disLX = disL(x, real);
  const { value: forward, tape } = GradientTape.record(() => {
    const { mu, logVar } = encode(encoder, x, y, pass);
    const z = sampleLatent(mu, logVar, random.normal(mu.shape) as Tensor2D);
    const recLogits = decodeLogits(decoder, networks.shape, z, y, pass);
    const xRec = tf.sigmoid(recLogits) as Tensor4D;
    const xPrior = decode(decoder, networks.shape, zPrior, y, pass);
    const judgedRec = judge(xRec);
    const fakes = [{ d: tf.sigmoid(judge(xPrior).logit), weight: config.priorFakeWeight }];
    if (config.reconstructionFakeWeight > 0) {
      fakes.push({ d: tf.sigmoid(judgedRec.logit), weight: config.reconstructionFakeWeight });
    }

    const divergence =
      config.priorLoss === 'exact' ? klDivergence(mu, logVar).div(pixels) : priorLoss(mu, logVar, pixels);
    const lPrior = divergence.mul(priorWeight) as Scalar;
    const similarityLoss = config.similarity === 'mse' ? likelihoodLossMse : likelihoodLoss;
    const lLlike = layersLikelihoodLoss(disLX, disL(xRec, judgedRec), pixels, similarityLoss);
    const lPixel = pixelLoss(x, recLogits, pixels);
    const lGan = ganLoss(tf.sigmoid(real.logit), fakes, pixels);
    const entropies = entropiesFor(config, tf.sigmoid(real.logit), fakes);
    const against = config.ganLoss === 'saturating' ? tf.neg(lGan) : nonSaturatingLoss(fakes, pixels);
    const adversarial = against.mul(config.ganWeight);
    const reconstruction =
      config.pixelWeight === 0 ? lLlike : (lLlike.add(lPixel.mul(config.pixelWeight)) as Scalar);
    return { recLogits, lPrior, lLlike, lPixel, lGan, entropies, adversarial, reconstruction };
  });
  const { recLogits, lPrior, lLlike, lPixel, lGan, entropies, adversarial, reconstruction } = forward;

  // Both gradients share the way of L_llike back to the reconstruction; from there each goes to its own network.
  const one = tf.scalar(1);
  const [theta, phi] = [[...encoder.values()], [...decoder.values()]];
  const [dRecLogits] = tape.gradients([reconstruction], [recLogits]);
  let encoderGradients: Tensor[];
  let decoderGradients: Tensor[];
  if (config.reconstructionFakeWeight > 0) {
    encoderGradients = tape.gradients([recLogits, lPrior], theta, [dRecLogits!, one]);
    decoderGradients = tape.gradients([recLogits, adversarial], phi, [dRecLogits!.mul(config.gamma), one]);
  } else {
    // L_GAN does not meet the reconstruction, so on its way to the encoder L_llike yields the decoder's share as well.
    const shared = tape.gradients([recLogits, lPrior], [...theta, ...phi], [dRecLogits!, one]);
    encoderGradients = shared.slice(0, theta.length);
    decoderGradients = tape
      .gradients([adversarial], phi)
      .map((gradient, i) => gradient.add(shared[theta.length + i]!.mul(config.gamma)));
  }
  tape.dispose();
  const losses = {
    prior: lPrior,
    likelihood: lLlike,
    pixel: lPixel,
    gan: lGan,
    ...entropies,
    encoder: reconstruction.add(lPrior),
    decoder: reconstruction.mul(config.gamma).add(adversarial),
  };
  return { losses, encoderGradients, decoderGradients };
}

/**
 * One joint step of encoder and decoder, both gradients applied together. The discriminator stays as it is.
 *
 * @param moves whether the decoder moves; without it only the encoder does
 * @returns the losses before the update
 */
export function jointStep(
  networks: Networks,
  input: StepInput,
  settings: StepSettings,
  { decoder: moves = true }: { decoder?: boolean } = {},
): StepLosses<JointLoss> & Partial<StepLosses<'real' | 'fake'>> {
  const { config, rateFactor } = settings;
  const { trained, optimizer } = networks;
  return tf.tidy(() => {
    const { losses, encoderGradients, decoderGradients } = jointGradients(networks, input, settings);
    const rates = config.learningRates;
    updateNetwork(
      'encoder',
      trained.encoder,
      encoderGradients,
      optimizer.encoder,
      rates.encoder * rateFactor,
      config,
    );
    if (moves) {
      updateNetwork(
        'decoder',
        trained.decoder,
        decoderGradients,
        optimizer.decoder,
        rates.decoder * rateFactor,
        config,
      );
    }
    return readLosses(losses);
  });
}

/**
 * One step of the plain conditional VAE: encoder and decoder minimise the pixels' cross-entropy plus the KL term,
 * summed over pixels and averaged over the batch. Moves both; there is no discriminator in it.
 *
 * @returns the losses before the update
 */
export function cvaeStep(
  networks: Networks,
  { x, y }: Pick<StepInput, 'x' | 'y'>,
  settings: StepSettings,
): StepLosses<'prior' | 'pixel' | 'encoder' | 'decoder'> {
  const { config, random } = settings;
  const { encoder, decoder } = networks.trained;
  const batch = x.shape[0];
  return tf.tidy(() => {
    const pass = trainingPass(networks, settings);
    const { value: losses, tape } = GradientTape.record(() => {
      const { mu, logVar } = encode(encoder, x, y, pass);
      const z = sampleLatent(mu, logVar, random.normal(mu.shape) as Tensor2D);
      const recLogits = decodeLogits(decoder, networks.shape, z, y, pass);
      const prior = klDivergence(mu, logVar)
        .mul(config.priorWeight * settings.priorFactor)
        .div(batch);
      const pixel = pixelLoss(x, recLogits, batch);
      return { prior, pixel, total: pixel.add(prior) };
    });
    const gradients = tape.gradients([losses.total], [...encoder.values(), ...decoder.values()]);
    tape.dispose();

    const { optimizer } = networks;
    const rates = config.learningRates;
    const count = encoder.size;
    updateNetwork(
      'encoder',
      encoder,
      gradients.slice(0, count),
      optimizer.encoder,
      rates.encoder * settings.rateFactor,
      config,
    );
    updateNetwork(
      'decoder',
      decoder,
      gradients.slice(count),
      optimizer.decoder,
      rates.decoder * settings.rateFactor,
      config,
    );
    return readLosses({
      prior: losses.prior,
      pixel: losses.pixel,
      encoder: losses.total,
      decoder: losses.total,
    });
  });
}
