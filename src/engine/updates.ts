import { hasNativeKernels } from './differentiable.ts';
import { runNativeOutputs } from './native.ts';
import type { Tensor, Tensor1D } from './tf.ts';
import { tf } from './tf.ts';

/** The native update of each optimiser, with the numbers that it takes, in order (native/optimizer.h). */
const OPS = {
  /** rate, decay, 1 − decay, ε */
  'rmsprop-tf1': 'StylographRmsProp',
  /** rate, β₁, 1 − β₁, β₂, 1 − β₂, ε, 1 − β₁ᵗ, 1 − β₂ᵗ */
  adam: 'StylographAdam',
} as const;

/** Tensors of any shapes as one vector, in order. */
export function joinFlat(tensors: Tensor[]): Tensor1D {
  return tf.concat1d(tensors.map((tensor) => tensor.reshape([-1]) as Tensor1D));
}

/** The inverse of `joinFlat`: pieces of a vector in the given shapes, which must use it up. */
export function splitFlat(vector: Tensor1D, shapes: number[][]): Tensor[] {
  const sizes = shapes.map((shape) => shape.reduce((product, side) => product * side, 1));
  return tf.split(vector, sizes).map((piece, i) => piece.reshape(shapes[i]!));
}

/** Whether `fusedUpdate` is available. */
export const hasFusedUpdates = hasNativeKernels;

/**
 * An optimiser's update of all weights of a network in one op.
 *
 * @param accumulators vectors over all weights in order
 * @returns the new weights in the shapes of the old, and the new accumulators
 */
export function fusedUpdate(
  optimizer: keyof typeof OPS,
  thetas: Tensor[],
  gradients: Tensor[],
  accumulators: Tensor1D[],
  numbers: number[],
): { thetas: Tensor[]; accumulators: Tensor1D[] } {
  const count = thetas.length;
  const outputs = tf.tidy(() =>
    runNativeOutputs(
      OPS[optimizer],
      [...thetas, ...gradients, ...accumulators, tf.tensor1d(numbers)],
      { ints: { N: count } },
      count + accumulators.length,
    ),
  );
  return { thetas: outputs.slice(0, count), accumulators: outputs.slice(count) as Tensor1D[] };
}

/** averages ← decay·averages + (1 − decay)·thetas; with native kernels one op for all weights. */
export function updateAverages(averages: Tensor[], thetas: Tensor[], decay: number): Tensor[] {
  return tf.tidy(() =>
    hasNativeKernels
      ? runNativeOutputs(
          'StylographAverage',
          [...averages, ...thetas, tf.tensor1d([decay, 1 - decay])],
          { ints: { N: averages.length } },
          averages.length,
        )
      : averages.map((average, i) => average.mul(decay).add(thetas[i]!.mul(1 - decay))),
  );
}
