import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../../../engine/index.ts';
import { ignoreChunks, type OnChunk } from '../progress.ts';
import { median } from './planes.ts';

/** Squared Euclidean distances of all pairs, a.rows × b.rows: |a|² + |b|² − 2·a·b, at least 0. Call it within `tf.tidy`. */
function squaredDistances(a: Tensor2D, b: Tensor2D): Tensor2D {
  const norms = (x: Tensor2D) => x.square().sum(1);
  const products = tf.matMul(a, b, false, true).mul(2);
  return tf.relu(norms(a).expandDims(1).add(norms(b).expandDims(0)).sub(products)) as Tensor2D;
}

/** Each ball reaches to this neighbour. */
const NEIGHBOURS = 5;
/** Images of either side. */
export const MANIFOLD_LIMIT = 5_000;
/** Rows of a block of distances: 20 MB against 5,000 columns. */
const BLOCK = 1_000;

export interface ManifoldScores {
  precision: number;
  recall: number;
  density: number;
  coverage: number;
}

/** Squared distance of each row to its k-th nearest other row. */
function ballsOf(values: Tensor2D): Tensor1D {
  const radii: Tensor1D[] = [];
  for (let from = 0; from < values.shape[0]; from += BLOCK) {
    radii.push(
      tf.tidy(() => {
        // n rows have n − 1 others.
        const k = Math.min(NEIGHBOURS, values.shape[0] - 1);
        const rows = values.slice([from, 0], [Math.min(BLOCK, values.shape[0] - from), -1]);
        // The nearest row is the row itself.
        const nearest = tf.topk(squaredDistances(rows, values).neg(), k + 1).values;
        return nearest.slice([0, k], [-1, 1]).neg().reshape([-1]) as Tensor1D;
      }),
    );
  }
  return tf.concat(radii);
}

/**
 * Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020) with k = 5. Each point has a
 * ball that reaches to its k-th nearest neighbour on its own side.
 *
 * - precision: share of generated points within some real ball
 * - recall: share of real points within some generated ball
 * - density: mean number of real balls that contain a generated point, divided by k
 * - coverage: share of real balls that contain a generated point
 *
 * @param real,generated standardised features, n × dims and m × dims; the first 5,000 of each count, and equally many
 */
export function manifoldScores(real: Float32Array, generated: Float32Array, dims: number): ManifoldScores {
  const count = Math.min(MANIFOLD_LIMIT, real.length / dims, generated.length / dims);
  return tf.tidy(() => {
    const r = tf.tensor2d(real.subarray(0, count * dims), [count, dims]);
    const g = tf.tensor2d(generated.subarray(0, count * dims), [count, dims]);
    const [realBalls, generatedBalls] = [ballsOf(r), ballsOf(g)];
    let held: Tensor = tf.zeros([count]);
    const recalledBlocks: Tensor[] = [];
    const coveredBlocks: Tensor[] = [];
    for (let from = 0; from < count; from += BLOCK) {
      const size = Math.min(BLOCK, count - from);
      const block = tf.tidy(() => {
        const distances = squaredDistances(r.slice([from, 0], [size, -1]), g);
        const within = distances.less(realBalls.slice(from, size).expandDims(1));
        const recalled = distances.less(generatedBalls.expandDims(0)).any(1);
        return { held: within.sum(0), recalled, covered: within.any(1) };
      });
      held = held.add(block.held);
      recalledBlocks.push(block.recalled.sum());
      coveredBlocks.push(block.covered.sum());
    }
    const numberOf = (tensor: Tensor): number => tensor.dataSync()[0]!;
    return {
      precision: numberOf(held.greater(0).sum()) / count,
      recall: numberOf(tf.addN(recalledBlocks)) / count,
      density: numberOf(held.sum().div(NEIGHBOURS)) / count,
      coverage: numberOf(tf.addN(coveredBlocks)) / count,
    };
  });
}

/** Below this ratio the model may repeat training images. */
export const MEMORISED_BELOW = 0.7;
/** At most this many images have their nearest training image searched. */
export const MEMORISATION_LIMIT = 2_000;
const QUERIES = 1_000;
/** Pixels of a block of training images: 12 MB as floats, so that they are never all floats at once. */
const BLOCK_PIXELS = 4_000 * 28 * 28;

const floats = (bytes: Uint8Array, count: number): Tensor2D =>
  tf.tensor2d(
    Float32Array.from(bytes, (byte) => byte / 255),
    [count, bytes.length / count],
  );

/**
 * Median over the images of the Euclidean distance to the nearest training image, of pixels in [0, 1]. Features would not
 * do: those of one label are close together whether or not an image was copied.
 *
 * @param images,training n × pixels and m × pixels bytes; the first 2,000 images count
 */
export async function nearestTrainingDistance(
  images: Uint8Array,
  training: Uint8Array,
  pixels: number,
  onChunk: OnChunk = ignoreChunks,
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
    await onChunk(start + size, trainingCount);
  }
  return median(nearest.map(Math.sqrt));
}
