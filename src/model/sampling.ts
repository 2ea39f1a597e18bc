import { type Tensor2D, tf } from '../engine/index.ts';

/**
 * z = μ + exp(clip(log σ² / 2, −2, 2)) · ε, the reparametrised sample (Kingma and Welling 2013) with the article's clip.
 *
 * @param epsilon standard normal, of the shape of `mu`: B × latentDim
 */
export function sampleLatent(mu: Tensor2D, logVar: Tensor2D, epsilon: Tensor2D): Tensor2D {
  const sigma = tf.exp(tf.clipByValue(logVar.div(2), -2, 2));
  return mu.add(sigma.mul(epsilon));
}
