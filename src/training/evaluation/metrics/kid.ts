import { permutation } from '../../../data/permutation.ts';
import { type Tensor, type Tensor2D, tf } from '../../../engine/index.ts';

export const KID_SUBSETS = 50;
export const KID_SUBSET_SIZE = 1_000;

/** The rows of either side in one subset, drawn without replacement. The same counts give the same subsets. */
export interface KidSubset {
  real: Uint32Array;
  generated: Uint32Array;
}

export function kidSubsets(realCount: number, generatedCount: number): KidSubset[] {
  const size = Math.min(KID_SUBSET_SIZE, realCount, generatedCount);
  return Array.from({ length: KID_SUBSETS }, (_, i) => ({
    real: permutation(realCount, `kid:real:${i}`).subarray(0, size),
    generated: permutation(generatedCount, `kid:generated:${i}`).subarray(0, size),
  }));
}

/** Sum of (x·y/dims + 1)³ over all rows, added up in float64; without the diagonal when both sides are one set. */
function kernelSum(x: Tensor2D, y: Tensor2D, same: boolean): number {
  return tf.tidy(() => {
    const cubed = (product: Tensor) => {
      const base = product.div(x.shape[1]).add(1);
      return base.mul(base).mul(base);
    };
    const kernel = cubed(tf.matMul(x, y, false, true));
    const diagonal = cubed(x.mul(y).sum(1, true));
    let sum = 0;
    for (const value of kernel.sum(1).dataSync()) sum += value;
    if (same) for (const value of diagonal.dataSync()) sum -= value;
    return sum;
  });
}

/**
 * Kernel Inception distance (Bińkowski et al. 2018) on classifier features: the unbiased squared maximum mean
 * discrepancy under k(x, y) = (x·y/dims + 1)³, averaged over the subsets. As it is unbiased, it may be below 0.
 *
 * @param real,generated standardised features, n × dims and m × dims
 */
export function kernelDistance(
  real: Float32Array,
  generated: Float32Array,
  dims: number,
  subsets = kidSubsets(real.length / dims, generated.length / dims),
): number {
  let total = 0;
  for (const rows of subsets) {
    const x = pickRows(real, rows.real, dims);
    const y = pickRows(generated, rows.generated, dims);
    const n = rows.real.length;
    const within = (kernelSum(x, x, true) + kernelSum(y, y, true)) / (n * (n - 1));
    total += within - (2 * kernelSum(x, y, false)) / (n * n);
    tf.dispose([x, y]);
  }
  return total / subsets.length;
}

function pickRows(values: Float32Array, rows: Uint32Array, dims: number): Tensor2D {
  const picked = new Float32Array(rows.length * dims);
  rows.forEach((row, i) => {
    picked.set(values.subarray(row * dims, (row + 1) * dims), i * dims);
  });
  return tf.tensor2d(picked, [rows.length, dims]);
}
