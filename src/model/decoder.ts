import {
  type Tensor2D,
  type Tensor4D,
  tf,
  upsampleConv5x5,
  upsampleDropoutConv5x5,
} from '../engine/index.ts';
import type { Architecture } from './architecture.ts';
import { addBias, biasAct, convolve, kernelOf, multiply, type Pass } from './layers.ts';
import type { Weights } from './weights.ts';

/**
 * Dec(z, y) → x̃ before its sigmoid: cross-entropies are computed from logits.
 *
 * @param z B × latentDim
 * @param y B × labels, one-hot
 * @returns B × H × W × C logits
 */
export function decodeLogits(
  weights: Weights,
  { decoder: { hidden, conv1, conv2, image } }: Architecture,
  z: Tensor2D,
  y: Tensor2D,
  pass: Pass,
): Tensor4D {
  const units = biasAct(weights, hidden, multiply(weights, hidden, tf.concat2d([z, y], 1)), pass);
  const h0 = units.reshape([z.shape[0], ...conv1.input]) as Tensor4D;
  const h1 = biasAct(weights, conv1, upsampleConv5x5(h0, kernelOf(weights, conv1)), pass);
  const h2 = biasAct(weights, conv2, convolve(weights, conv2, h1), pass);
  const logits = upsampleDropoutConv5x5(h2, kernelOf(weights, image), {
    rate: pass.dropout,
    random: pass.random,
  });
  return addBias(weights, image, logits);
}

/** Dec(z, y) → x̃ in (0, 1). */
export function decode(
  weights: Weights,
  architecture: Architecture,
  z: Tensor2D,
  y: Tensor2D,
  pass: Pass,
): Tensor4D {
  return tf.sigmoid(decodeLogits(weights, architecture, z, y, pass));
}
