import { type Tensor, type Tensor1D, tf } from './tf.ts';

/** Tensors of any shapes as one vector, in order. */
export function joinFlat(tensors: Tensor[]): Tensor1D {
  return tf.concat1d(tensors.map((tensor) => tensor.reshape([-1]) as Tensor1D));
}

/** The inverse of `joinFlat`: pieces of a vector in the given shapes, which must use it up. */
export function splitFlat(vector: Tensor1D, shapes: number[][]): Tensor[] {
  const sizes = shapes.map((shape) => shape.reduce((product, side) => product * side, 1));
  return tf.split(vector, sizes).map((piece, i) => piece.reshape(shapes[i]!));
}
