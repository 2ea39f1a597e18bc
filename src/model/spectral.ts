import { type Scalar, type Tensor, type Tensor2D, tf } from '../engine/index.ts';
import type { Architecture, Layer, WeightSpec } from './architecture.ts';
import type { Weights } from './weights.ts';

/**
 * Spectral normalisation (Miyato et al. 2018, algorithm 1): every kernel on the discriminator's trained path is divided
 * by its largest singular value, so that no layer stretches a difference between two images.
 */

const EPSILON = 1e-12;

const vectorOf = ({ name }: Pick<Layer, 'name'>): string => `${name}/singular-vector`;
const kernelOf = ({ name }: Pick<Layer, 'name'>): string => `${name}/kernel`;

/** The layers whose kernels are normalised; none when spectral normalisation is off. */
const normalizedLayers = ({ discriminator, spectralNorm }: Architecture): Layer[] =>
  spectralNorm ? [discriminator.conv1, discriminator.conv2, discriminator.head] : [];

/** An estimate of each kernel's first right singular vector, kept between steps. */
export function singularVectorSpecs(architecture: Architecture): WeightSpec[] {
  return normalizedLayers(architecture).map((layer) => ({
    name: vectorOf(layer),
    shape: layer.output.slice(-1),
    init: 'ones',
  }));
}

/** A kernel as the matrix W: inputs × outputs. */
const matrix = (kernel: Tensor): Tensor2D => kernel.reshape([-1, kernel.shape.at(-1)!]) as Tensor2D;
const column = (vector: Tensor): Tensor2D => vector.reshape([-1, 1]) as Tensor2D;
const unit = (vector: Tensor2D): Tensor2D => vector.div(tf.norm(vector).add(EPSILON)) as Tensor2D;

/** One power iteration per kernel: v ← Wᵀu / ‖Wᵀu‖ with u = Wv / ‖Wv‖. */
export function updateSingularVectors(architecture: Architecture, weights: Weights, vectors: Weights): void {
  for (const layer of normalizedLayers(architecture)) {
    const old = vectors.get(vectorOf(layer))!;
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

/** The discriminator's weights with W / σ(W) for each normalised kernel. */
export function spectrallyNormalized(
  architecture: Architecture,
  weights: Weights,
  vectors: Weights,
): Weights {
  const normalized = new Map(weights);
  for (const layer of normalizedLayers(architecture)) {
    const kernel = weights.get(kernelOf(layer))!;
    const v = vectors.get(vectorOf(layer))!;
    normalized.set(kernelOf(layer), kernel.div(spectralNorm(matrix(kernel), v)));
  }
  return normalized;
}
