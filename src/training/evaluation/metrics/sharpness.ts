import { countOf, type ImageSize, median, planeOf } from './planes.ts';

/**
 * Median over the images of the variance of the 3×3 Laplacian (centre −4, its four neighbours 1) over all pixels with four
 * neighbours (Pech-Pacheco et al. 2000). Blur lowers it and noise raises it, so its ratio to real images should be 1.
 *
 * @param images n × H × W × C bytes
 */
export function sharpnessOf(images: Uint8Array, size: ImageSize): number {
  const variances = new Float64Array(countOf(images, size));
  for (let at = 0; at < variances.length; at++) {
    variances[at] = laplacianVariance(planeOf(images, at, size), size);
  }
  return median(variances);
}

function laplacianVariance(plane: Float64Array, { width, height }: ImageSize): number {
  let [sum, squares] = [0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const value = plane[i - 1]! + plane[i + 1]! + plane[i - width]! + plane[i + width]! - 4 * plane[i]!;
      sum += value;
      squares += value * value;
    }
  }
  const count = (width - 2) * (height - 2);
  return squares / count - (sum / count) ** 2;
}
