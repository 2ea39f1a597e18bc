import { maxPool2x2, type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';
import type { Architecture } from './architecture.ts';
import { biasAct, convolve, dense, multiply, type Pass } from './layers.ts';
import type { Weights } from './weights.ts';

/**
 * Enc(x, y) → μ, log σ².
 *
 * @param x B × H × W × C in [0, 1]
 * @param y B × labels, one-hot
 * @returns `mu` and `logVar`, each B × latentDim
 */
export function encode(
  weights: Weights,
  { encoder: { conv1, conv2, hidden, mean, logVar } }: Architecture,
  x: Tensor4D,
  y: Tensor2D,
  pass: Pass,
): { mu: Tensor2D; logVar: Tensor2D } {
  const h1 = maxPool2x2(biasAct(weights, conv1, convolve(weights, conv1, x), pass));
  const h2 = biasAct(weights, conv2, convolve(weights, conv2, h1), pass);
  const flat = tf.concat2d([h2.reshape([x.shape[0], -1]) as Tensor2D, y], 1);
  const h3 = biasAct(weights, hidden, multiply(weights, hidden, flat), pass);
  return { mu: dense(weights, mean, h3), logVar: dense(weights, logVar, h3) };
}

/**
 * z = μ + exp(clip(log σ² / 2, −2, 2)) · ε, the reparametrised sample (Kingma and Welling 2013) with the article's clip.
 *
 * @param mu,logVar,epsilon B × latentDim; `epsilon` is standard normal
 */
export function sampleLatent(mu: Tensor2D, logVar: Tensor2D, epsilon: Tensor2D): Tensor2D {
  const sigma = tf.exp(tf.clipByValue(logVar.div(2), -2, 2));
  return mu.add(sigma.mul(epsilon));
}
