import type { TrainingConfig } from '../core/contracts/config.ts';
import { type Scalar, type Tensor, type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';

/*
 * The losses of the article, one function per equation. All are sums over the whole batch divided by the number of pixels of
 * one image (`pixels`, 28·28 in the article), in nats. The tables at the end choose between them by configuration.
 */

/** Inside each logarithm of L_GAN. */
const LOG_EPSILON = 1e-10;

/**
 * L_prior = −½ Σ (1 + c − μ² − e^c) / pixels with c = clip(log σ², −2, 2): the KL divergence of N(μ, σ²) from N(0, I).
 *
 * @param mu,logVar B × latentDim
 */
export function priorLoss(mu: Tensor2D, logVar: Tensor2D, pixels: number): Scalar {
  const c = tf.clipByValue(logVar, -2, 2);
  return tf.sum(c.add(1).sub(mu.square()).sub(tf.exp(c))).mul(-0.5 / pixels);
}

/** KL[N(μ, σ²) ‖ N(0, I)] = −½ Σ (1 + log σ² − μ² − σ²), summed over batch and dimensions: unclipped, as in the plain VAE. */
export function klDivergence(mu: Tensor2D, logVar: Tensor2D): Scalar {
  return tf.sum(logVar.add(1).sub(mu.square()).sub(tf.exp(logVar))).mul(-0.5);
}

/** Σ over all elements of the cross-entropy between probabilities `labels` and sigmoid(`logits`), of one shape. */
function sigmoidCrossEntropySum(labels: Tensor, logits: Tensor): Scalar {
  // max(l, 0) − l·p + log(1 + e^−|l|), which does not overflow.
  return tf.sum(
    tf
      .relu(logits)
      .sub(logits.mul(labels))
      .add(tf.log1p(tf.exp(tf.neg(tf.abs(logits))))),
  );
}

/**
 * L_llike = Σ H(sigmoid(d_l(x)), sigmoid(d_l(x̃))) / pixels: cross-entropy in the discriminator's l-th layer.
 *
 * @param disLX,disLRec d_l(x) and d_l(x̃), of one shape
 */
export function likelihoodLoss(disLX: Tensor4D, disLRec: Tensor4D, pixels: number): Scalar {
  return sigmoidCrossEntropySum(tf.sigmoid(disLX), disLRec).div(pixels);
}

/** The alternative: L_llike = Σ (d_l(x) − d_l(x̃))² / pixels. */
export function likelihoodLossMse(disLX: Tensor4D, disLRec: Tensor4D, pixels: number): Scalar {
  return tf.sum(tf.squaredDifference(disLX, disLRec)).div(pixels);
}

/**
 * The mean over layers l of L_llike on d_l. Each layer is scaled to the last one's mean square and number of activations, so
 * that all layers have equal weight. With one layer this is L_llike.
 *
 * @param disLX,disLRec d_l(x) and d_l(x̃), one tensor per layer
 * @param loss compares one layer
 */
export function layersLikelihoodLoss(
  disLX: Tensor4D[],
  disLRec: Tensor4D[],
  pixels: number,
  loss: typeof likelihoodLoss,
): Scalar {
  const last = disLX.at(-1)!;
  const losses = disLX.map((layer, l) => {
    if (layer === last) return loss(layer, disLRec[l]!, pixels);
    const scale = tf.sqrt(tf.mean(last.square()).div(tf.mean(layer.square())));
    return loss(layer.mul(scale), disLRec[l]!.mul(scale), pixels).mul(last.size / layer.size) as Scalar;
  });
  return losses.length === 1 ? losses[0]! : (tf.addN(losses).div(losses.length) as Scalar);
}

/**
 * Σ H(x, x̃) / pixels: the plain VAE's cross-entropy of pixels.
 *
 * @param x B × H × W × C in [0, 1]; @param recLogits x̃ before its sigmoid
 */
export function pixelLoss(x: Tensor4D, recLogits: Tensor4D, pixels: number): Scalar {
  return sigmoidCrossEntropySum(x, recLogits).div(pixels);
}

/** The discriminator's answers for one kind of fake, and their weight; reals have weight 1. */
export interface Fakes {
  /** Probability of "real" for each fake, B × 1. */
  d: Tensor;
  weight: number;
}

const totalWeight = (fakes: Fakes[]): number => fakes.reduce((sum, { weight }) => sum + weight, 1);

/**
 * L_GAN = −¼ Σ (log d(x) + 2·log(1 − d(x_p)) + log(1 − d(x̃))) / pixels: the article's fakes are prior samples x_p of
 * weight 2 and reconstructions x̃ of weight 1. With other weights ¼ becomes 1 / (1 + Σ weights), which keeps the value at
 * chance level.
 *
 * @param d probabilities of "real" for x, B × 1
 */
export function ganLoss(d: Tensor, fakes: Fakes[], pixels: number): Scalar {
  const logs = fakes.map((fake) => tf.sum(tf.log(tf.sub(1, fake.d).add(LOG_EPSILON))).mul(fake.weight));
  const total = tf.addN([tf.sum(tf.log(d.add(LOG_EPSILON))), ...logs]);
  return total.mul(-1 / (totalWeight(fakes) * pixels));
}

/** Mean cross-entropy of the discriminator's answers in nats per image: −log d of reals, −log(1 − d) of fakes, weighted. */
export function entropiesOf(d: Tensor, fakes: Fakes[]): { real: Scalar; fake: Scalar } {
  const nats = (p: Tensor): Scalar => tf.neg(tf.mean(tf.log(p.add(LOG_EPSILON))));
  const all = tf.addN(fakes.map((fake) => nats(tf.sub(1, fake.d)).mul(fake.weight)));
  return { real: nats(d), fake: all.div(totalWeight(fakes) - 1) };
}

/**
 * The decoder's non-saturating adversarial loss (Goodfellow et al. 2014, section 3):
 * −Σ (w_p·log d(x_p) + w_r·log d(x̃)) / ((1 + w_p + w_r)·pixels).
 */
export function nonSaturatingLoss(fakes: Fakes[], pixels: number): Scalar {
  const logs = fakes.map((fake) => tf.sum(tf.log(fake.d.add(LOG_EPSILON))).mul(fake.weight));
  return tf.addN(logs).mul(-1 / (totalWeight(fakes) * pixels));
}

/** L_prior, by `priorLoss`. */
export const PRIOR_LOSS: Record<TrainingConfig['priorLoss'], typeof priorLoss> = {
  clipped: priorLoss,
  exact: (mu, logVar, pixels) => klDivergence(mu, logVar).div(pixels),
};

/** L_llike of one layer, by `similarity`. */
export const LIKELIHOOD_LOSS: Record<TrainingConfig['similarity'], typeof likelihoodLoss> = {
  'cross-entropy': likelihoodLoss,
  mse: likelihoodLossMse,
};

/** What the decoder minimises against the discriminator, by `ganLoss`. */
export const ADVERSARIAL_LOSS: Record<
  TrainingConfig['ganLoss'],
  (lGan: Scalar, fakes: Fakes[], pixels: number) => Scalar
> = {
  saturating: (lGan) => tf.neg(lGan),
  'non-saturating': (_lGan, fakes, pixels) => nonSaturatingLoss(fakes, pixels),
};

/** Mean cross-entropies of the discriminator's answers. */
export type Entropies = Partial<Record<'real' | 'fake', Scalar>>;

/** The entropies that an iteration's gate decides by, by `gate`. */
export const GATE_ENTROPIES: Record<TrainingConfig['gate'], (d: Tensor, fakes: Fakes[]) => Entropies> = {
  thresholds: () => ({}),
  equilibrium: entropiesOf,
};
