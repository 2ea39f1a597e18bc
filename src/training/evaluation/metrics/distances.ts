import { type Tensor2D, tf } from '../../../engine/index.ts';

/** Squared Euclidean distances of all pairs, a.rows × b.rows: |a|² + |b|² − 2·a·b, rounding below 0 cut off. Call within `tf.tidy`. */
export function squaredDistances(a: Tensor2D, b: Tensor2D): Tensor2D {
  const norms = (x: Tensor2D) => x.square().sum(1);
  const products = tf.matMul(a, b, false, true).mul(2);
  return tf.relu(norms(a).expandDims(1).add(norms(b).expandDims(0)).sub(products)) as Tensor2D;
}
