import { countOf, type ImageSize, planeOf } from './planes.ts';

/** Mean squared error of pixels in [0, 1]. @param a,b n × H × W × C bytes */
export function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += ((a[i]! - b[i]!) / 255) ** 2;
  return squares / a.length;
}

/** Mean Euclidean distance of corresponding rows. @param a,b standardised features, n × dims */
export function meanRowDistance(a: Float32Array, b: Float32Array, dims: number): number {
  let total = 0;
  for (let start = 0; start < a.length; start += dims) {
    let squares = 0;
    for (let k = start; k < start + dims; k++) squares += (a[k]! - b[k]!) ** 2;
    total += Math.sqrt(squares);
  }
  return total / (a.length / dims);
}

const WINDOW = 11;
const SIGMA = 1.5;
const [C1, C2] = [0.01 ** 2, 0.03 ** 2];

const GAUSSIAN = (() => {
  const raw = Float64Array.from({ length: WINDOW }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * SIGMA ** 2)));
  const sum = raw.reduce((total, value) => total + value, 0);
  return raw.map((value) => value / sum);
})();

/** Separable Gaussian window at every position where it fits: (H − 10) × (W − 10). */
function smooth(plane: Float64Array, width: number, height: number): Float64Array {
  const columns = width - WINDOW + 1;
  const rows = height - WINDOW + 1;
  const across = new Float64Array(height * columns);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < WINDOW; k++) sum += GAUSSIAN[k]! * plane[y * width + x + k]!;
      across[y * columns + x] = sum;
    }
  }
  const smoothed = new Float64Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < WINDOW; k++) sum += GAUSSIAN[k]! * across[(y + k) * columns + x]!;
      smoothed[y * columns + x] = sum;
    }
  }
  return smoothed;
}

/**
 * Structural similarity (Wang et al. 2004): 11×11 Gaussian window of σ 1.5, constants 0.01² and 0.03² at a range of 1,
 * averaged over the positions where the window fits and over the images.
 *
 * @param a,b n × H × W × C bytes; both sides at least 11
 */
export function structuralSimilarity(a: Uint8Array, b: Uint8Array, size: ImageSize): number {
  const { width, height } = size;
  const count = countOf(a, size);
  let total = 0;
  for (let at = 0; at < count; at++) {
    const [x, y] = [planeOf(a, at, size), planeOf(b, at, size)];
    const window = (values: Float64Array) => smooth(values, width, height);
    const [mx, my] = [window(x), window(y)];
    const xx = window(x.map((value) => value * value));
    const yy = window(y.map((value) => value * value));
    const xy = window(x.map((value, i) => value * y[i]!));
    let sum = 0;
    for (let i = 0; i < mx.length; i++) {
      const both = mx[i]! * my[i]!;
      const squares = mx[i]! ** 2 + my[i]! ** 2;
      sum +=
        ((2 * both + C1) * (2 * (xy[i]! - both) + C2)) / ((squares + C1) * (xx[i]! + yy[i]! - squares + C2));
    }
    total += sum / mx.length;
  }
  return total / count;
}
