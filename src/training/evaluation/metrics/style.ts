import { countOf, type ImageSize, planeOf } from './planes.ts';

export interface StyleMoments {
  /** μ₁₁ / μ₀₂ of each image: how far ink moves sideways per pixel of height. Positive leans like a backslash. NaN without ink or height. */
  slant: Float64Array;
  /** Sum of each image's pixels in [0, 1]. */
  ink: Float64Array;
}

/** Central image moments with x to the right and y downwards. @param images n × H × W × C bytes */
export function styleMoments(images: Uint8Array, size: ImageSize): StyleMoments {
  const count = countOf(images, size);
  const moments = { slant: new Float64Array(count), ink: new Float64Array(count) };
  const { width, height } = size;
  for (let at = 0; at < count; at++) {
    const plane = planeOf(images, at, size);
    let [mass, sumX, sumY, sumXY, sumYY] = [0, 0, 0, 0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = plane[y * width + x]!;
        mass += value;
        sumX += value * x;
        sumY += value * y;
        sumXY += value * x * y;
        sumYY += value * y * y;
      }
    }
    moments.ink[at] = mass;
    moments.slant[at] = (sumXY - (sumX * sumY) / mass) / (sumYY - (sumY * sumY) / mass);
  }
  return moments;
}

/** Ranks from 1; equal values share the mean of their ranks. */
function ranks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  const ranked = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) ranked[order[i]!] = (from + 1 + to) / 2;
    from = to;
  }
  return ranked;
}

/**
 * Spearman's rank correlation of pairs: Pearson's of their ranks. Pairs with a value that is not finite are ignored. It is
 * null when fewer than three pairs remain, or one side is constant.
 */
export function spearman(a: Float64Array, b: Float64Array): number | null {
  const kept = [...a.keys()].filter((i) => Number.isFinite(a[i]!) && Number.isFinite(b[i]!));
  if (kept.length < 3) return null;
  const x = ranks(Float64Array.from(kept, (i) => a[i]!));
  const y = ranks(Float64Array.from(kept, (i) => b[i]!));
  const mean = (kept.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - mean, y[i]! - mean];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy);
}

/**
 * Spearman's correlation of a moment between sources and their transfers, averaged over the target labels. A label whose
 * results all have the same moment shows no style and counts as 0.
 *
 * @param sources one value per source @param results sources × targets values, row by row
 * @param order which source each result is compared with; the identity, or a permutation for the control
 */
export function transferCorrelation(
  sources: Float64Array,
  results: Float64Array,
  order: ArrayLike<number>,
): number | null {
  const targets = results.length / sources.length;
  const partners = sources.map((_, i) => sources[order[i]!]!);
  const correlations = Array.from({ length: targets }, (_, target) =>
    spearman(
      partners,
      sources.map((_, i) => results[i * targets + target]!),
    ),
  );
  if (correlations.every((value) => value === null)) return null;
  return correlations.reduce<number>((sum, value) => sum + (value ?? 0), 0) / targets;
}
