/** Probability that the article's grid leaves out on each side. */
const TAIL = 0.05;

/**
 * Inverse of the standard normal distribution function, by Acklam's rational approximation: relative error below
 * 1.2e-9 on (0, 1).
 */
export function inverseNormal(p: number): number {
  const a = [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ];
  const b = [
    -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572,
  ];
  const c = [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
  const poly = (coefficients: number[], x: number): number => coefficients.reduce((sum, k) => sum * x + k, 0);
  if (p > 0.5) return -inverseNormal(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return poly(c, q) / (poly(d, q) * q + 1);
  }
  const q = p - 0.5;
  return (poly(a, q * q) * q) / (poly(b, q * q) * q * q + 1);
}

/** The article's grid values for one axis: norm.ppf(linspace(0.05, 0.95, size)), ascending. */
export function manifoldAxis(size: number): number[] {
  return Array.from({ length: size }, (_, i) => inverseNormal(TAIL + (i / (size - 1)) * (1 - 2 * TAIL)));
}

/**
 * Latents of a manifold, row by row. Columns follow the first dimension, rows the second; all others are 0.
 *
 * @returns size² × latentDim values
 */
export function manifoldGrid(size: number, latentDim: number): Float32Array {
  const axis = manifoldAxis(size);
  const latents = new Float32Array(size * size * latentDim);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const at = (row * size + column) * latentDim;
      latents[at] = axis[column]!;
      if (latentDim > 1) latents[at + 1] = axis[row]!;
    }
  }
  return latents;
}
