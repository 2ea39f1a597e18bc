import './gradients.ts';
import type { Tensor4D } from './tf.ts';
import { tf } from './tf.ts';

/**
 * For output rows of one parity: which of the five taps of a 5-tap filter on the upsampled rows fall on the
 * small-grid rows i−1, i and i+1.
 */
const ROW_TAPS = [
  [
    [1, 1, 0, 0, 0],
    [0, 0, 1, 1, 0],
    [0, 0, 0, 0, 1],
  ],
  [
    [1, 0, 0, 0, 0],
    [0, 1, 1, 0, 0],
    [0, 0, 0, 1, 1],
  ],
];

/** 36 × 25: rows (a, b, p, q) of the sub-pixel kernel as sums of taps (r, s) of the 5×5 kernel. */
function foldingMatrix(): Float32Array {
  const matrix = new Float32Array(36 * 25);
  for (let a = 0; a < 3; a++)
    for (let b = 0; b < 3; b++)
      for (let p = 0; p < 2; p++)
        for (let q = 0; q < 2; q++)
          for (let r = 0; r < 5; r++)
            for (let s = 0; s < 5; s++) {
              const row = ((a * 3 + b) * 2 + p) * 2 + q;
              matrix[row * 25 + r * 5 + s] = ROW_TAPS[p]![a]![r]! * ROW_TAPS[q]![b]![s]!;
            }
  return matrix;
}
const FOLDING = foldingMatrix();

/** 5×5×C×D kernel for the upsampled grid → 3×3×C×4D kernel for the small grid, depth-to-space order. */
export function foldUpsampling(kernel: Tensor4D): Tensor4D {
  const [, , c, d] = kernel.shape;
  const taps = tf.matMul(
    tf.tensor2d(FOLDING, [36, 25]),
    kernel.reshape([25, c * d]) as ReturnType<typeof tf.tensor2d>,
  );
  return taps
    .reshape([3, 3, 4, c, d])
    .transpose([0, 1, 3, 2, 4])
    .reshape([3, 3, c, 4 * d]) as Tensor4D;
}

/**
 * Sub-pixel convolution (Shi et al. 2016): equals nearest upsampling ×2 followed by a `same` 5×5 convolution, with
 * 2.8 times fewer operations.
 *
 * @param x B × H × W × C
 * @param kernel 5 × 5 × C × D, as for the upsampled grid
 * @returns B × 2H × 2W × D
 */
export function upsampleConv5x5(x: Tensor4D, kernel: Tensor4D): Tensor4D {
  return tf.depthToSpace(tf.conv2d(x, foldUpsampling(kernel), 1, 'same'), 2, 'NHWC') as Tensor4D;
}
