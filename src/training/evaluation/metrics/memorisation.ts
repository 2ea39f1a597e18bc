import { type Tensor2D, tf } from '../../../engine/index.ts';
import type { Between } from '../classifier.ts';
import { squaredDistances } from './distances.ts';
import { median } from './planes.ts';

/** Below this ratio the model may repeat training images. */
export const MEMORISED_BELOW = 0.7;
/** Images whose neighbours are looked for. */
export const MEMORISATION_LIMIT = 2_000;
const QUERIES = 1_000;
/** Pixels of training images a block: 12 MB as floats, so that they are never all floats at once. */
const BLOCK_PIXELS = 4_000 * 28 * 28;

const floats = (bytes: Uint8Array, count: number): Tensor2D =>
  tf.tensor2d(
    Float32Array.from(bytes, (byte) => byte / 255),
    [count, bytes.length / count],
  );

/**
 * Median over the images of the Euclidean distance, of pixels in [0, 1], to the nearest training image. In pixels,
 * since features of one label lie close together whether or not an image was copied.
 *
 * @param images,training n × pixels and m × pixels bytes; of the images the first 2,000 count
 */
export async function nearestTrainingDistance(
  images: Uint8Array,
  training: Uint8Array,
  pixels: number,
  between: Between = async () => undefined,
): Promise<number> {
  const count = Math.min(MEMORISATION_LIMIT, images.length / pixels);
  const trainingCount = training.length / pixels;
  const most = Math.ceil(BLOCK_PIXELS / pixels);
  const nearest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (let start = 0; start < trainingCount; start += most) {
    const size = Math.min(most, trainingCount - start);
    const block = floats(training.subarray(start * pixels, (start + size) * pixels), size);
    for (let from = 0; from < count; from += QUERIES) {
      const rows = Math.min(QUERIES, count - from);
      const found = tf.tidy(() => {
        const queries = floats(images.subarray(from * pixels, (from + rows) * pixels), rows);
        return squaredDistances(queries, block).min(1).dataSync();
      });
      found.forEach((distance, i) => {
        nearest[from + i] = Math.min(nearest[from + i]!, distance);
      });
    }
    block.dispose();
    await between(start + size, trainingCount);
  }
  return median(nearest.map(Math.sqrt));
}
