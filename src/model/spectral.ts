import { type Scalar, type Tensor, type Tensor2D, tf } from '../engine/index.ts';
import type { ModelShape } from './shape.ts';
import type { WeightSpec, Weights } from './weights.ts';

/**
 * Spectral normalisation (Miyato et al. 2018, algorithm 1): every kernel on the discriminator's trained path is divided
 * by its largest singular value, so that no layer stretches a difference between two images.
 */

const LAYERS = ['discriminator/conv1', 'discriminator/conv2', 'discriminator/head'] as const;
const EPSILON = 1e-12;

const vectorOf = (layer: string): string => `${layer}/singular-vector`;
const kernelOf = (layer: string): string => `${layer}/kernel`;

/** An estimate of each kernel's first right singular vector, kept from step to step; none without the normalisation. */
export function singularVectorSpecs({ widths, spectralNorm }: ModelShape): WeightSpec[] {
  if (!spectralNorm) return [];
  const [c1, c2] = widths.discriminator;
  return [c1, c2, 1].map((size, i) => ({ name: vectorOf(LAYERS[i]!), shape: [size], init: 'ones' }));
}

/** A kernel as the matrix W: inputs × outputs. */
const matrix = (kernel: Tensor): Tensor2D => kernel.reshape([-1, kernel.shape.at(-1)!]) as Tensor2D;
const column = (vector: Tensor): Tensor2D => vector.reshape([-1, 1]) as Tensor2D;
const unit = (vector: Tensor2D): Tensor2D => vector.div(tf.norm(vector).add(EPSILON)) as Tensor2D;

/** One power iteration: v ← Wᵀu / ‖Wᵀu‖ with u = Wv / ‖Wv‖. Nothing where there are no vectors. */
export function followSingularVectors(weights: Weights, vectors: Weights): void {
  for (const layer of LAYERS) {
    const old = vectors.get(vectorOf(layer));
    if (old === undefined) continue;
    const next = tf.tidy(() => {
      const W = matrix(weights.get(kernelOf(layer))!);
      const u = unit(tf.matMul(W, column(old)));
      return unit(tf.matMul(W, u, true)).reshape(old.shape);
    });
    vectors.set(vectorOf(layer), tf.keep(next));
    old.dispose();
  }
}

/**
 * σ(W) = ‖Wv‖ / ‖v‖ with v held fixed, whose gradient is u vᵀ, that of uᵀWv.
 *
 * @param W inputs × outputs; @param v outputs
 */
function spectralNorm(W: Tensor2D, v: Tensor): Scalar {
  const stretched = tf.sqrt(tf.sum(tf.square(tf.matMul(W, column(v)))));
  return stretched.div(tf.norm(v)).add(EPSILON) as Scalar;
}

/** The discriminator with W / σ(W) for each kernel; the weights themselves where there are no vectors. */
export function spectrallyNormalized(weights: Weights, vectors: Weights): Weights {
  const normalized = new Map(weights);
  for (const layer of LAYERS) {
    const v = vectors.get(vectorOf(layer));
    const kernel = weights.get(kernelOf(layer))!;
    if (v !== undefined) normalized.set(kernelOf(layer), kernel.div(spectralNorm(matrix(kernel), v)));
  }
  return normalized;
}
