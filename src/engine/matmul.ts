import { differentiable } from './differentiable.ts';
import { runNativeOp } from './native.ts';
import type { Tensor, Tensor2D } from './tf.ts';

/** a·b of matrices, either transposed if asked; without a gradient. */
function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor2D {
  return runNativeOp('MatMul', [a, b], {
    types: { T: 'float32' },
    bools: { transpose_a: transposeA, transpose_b: transposeB },
  }) as Tensor2D;
}

/**
 * a·b by TensorFlow's MatMul. For these sizes it is two to seven times as fast as the batched op that `tf.matMul` runs.
 *
 * @param a B × N
 * @param b N × M
 */
export function matMul(a: Tensor2D, b: Tensor2D): Tensor2D {
  return differentiable(
    { a, b },
    (save) => {
      save([a, b]);
      return product(a, b, false, false);
    },
    (dy, [a, b]) => ({
      a: () => product(dy, b!, false, true),
      b: () => product(a!, dy, true, false),
    }),
  );
}
