import type { TrainingConfig } from '../core/contracts/config.ts';
import { type StepRandom, type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';
import { NORM_MOMENTUM } from './architecture.ts';
import type { Pass } from './layers.ts';
import type { Networks } from './networks.ts';

/** Images, their labels and one prior sample each. */
export interface StepInput {
  /** B × H × W × C in [0, 1]. */
  x: Tensor4D;
  /** B × labels, one-hot. */
  y: Tensor2D;
  /** z_p ~ N(0, I), B × latentDim. */
  zPrior: Tensor2D;
}

/** What a step needs besides data. */
export interface StepSettings {
  config: TrainingConfig;
  /** Multiplies the configured learning rates. */
  rateFactor: number;
  /** Multiplies the configured weight of the KL term. */
  priorFactor: number;
  /** Standard deviation of the noise on images that the discriminator judges. */
  inputNoise: number;
  random: StepRandom;
}

/** The pass of a training step. With batch normalisation it updates the moving statistics. */
export function trainingPass({ statistics, architecture }: Networks, { config, random }: StepSettings): Pass {
  if (!architecture.batchNorm) return { dropout: config.dropout, random, normalization: 'off' };
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

/** Pixels of one image, by which the article divides its losses; channels do not count. */
export const pixelsOf = ({ architecture: { height, width } }: Networks): number => height * width;

/** An image as the discriminator observes it (instance noise: Sønderby et al. 2017). */
export function observed(image: Tensor4D, { inputNoise, random }: StepSettings): Tensor4D {
  if (inputNoise === 0) return image;
  return tf.add(image, random.normal(image.shape).mul(inputNoise)) as Tensor4D;
}
