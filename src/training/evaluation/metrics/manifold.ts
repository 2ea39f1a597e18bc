import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../../../engine/index.ts';
import { squaredDistances } from './distances.ts';

/** Neighbours that a ball reaches to. */
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
  const radii: Tensor[] = [];
  for (let from = 0; from < values.shape[0]; from += BLOCK) {
    radii.push(
      // Fewer rows than that have fewer others.
      tf.tidy(() => {
        const k = Math.min(NEIGHBOURS, values.shape[0] - 1);
        const rows = values.slice([from, 0], [Math.min(BLOCK, values.shape[0] - from), -1]) as Tensor2D;
        // The nearest of all is the row itself.
        const nearest = tf.topk(squaredDistances(rows, values).neg(), k + 1).values;
        return nearest.slice([0, k], [-1, 1]).neg().reshape([-1]);
      }),
    );
  }
  return tf.concat(radii as Tensor1D[]);
}

/**
 * Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020) with k = 5. Each point has a
 * ball that reaches to its k-th nearest neighbour of its own side.
 *
 * - precision: share of generated points within some real ball
 * - recall: share of real points within some generated ball
 * - density: real balls that a generated point lies in, mean, divided by k
 * - coverage: share of real balls that hold a generated point
 *
 * @param real,generated standardised features, n × dims and m × dims; of each the first 5,000 count, and of both as many
 */
export function manifoldScores(real: Float32Array, generated: Float32Array, dims: number): ManifoldScores {
  const count = Math.min(MANIFOLD_LIMIT, real.length / dims, generated.length / dims);
  const [precise, recalled, density, covered] = tf.tidy(() => {
    const r = tf.tensor2d(real.subarray(0, count * dims), [count, dims]);
    const g = tf.tensor2d(generated.subarray(0, count * dims), [count, dims]);
    const [realBalls, generatedBalls] = [ballsOf(r), ballsOf(g)];
    let held: Tensor = tf.zeros([count]);
    const recalledBlocks: Tensor[] = [];
    const coveredBlocks: Tensor[] = [];
    for (let from = 0; from < count; from += BLOCK) {
      const size = Math.min(BLOCK, count - from);
      const [inReal, recalledHere, coveredHere] = tf.tidy(() => {
        const distances = squaredDistances(r.slice([from, 0], [size, -1]) as Tensor2D, g);
        const within = distances.less(realBalls.slice(from, size).expandDims(1));
        return [within.sum(0), distances.less(generatedBalls.expandDims(0)).any(1), within.any(1)];
      }) as [Tensor, Tensor, Tensor];
      held = held.add(inReal);
      recalledBlocks.push(recalledHere.sum());
      coveredBlocks.push(coveredHere.sum());
    }
    const results = [
      held.greater(0).sum(),
      tf.addN(recalledBlocks),
      held.sum().div(NEIGHBOURS),
      tf.addN(coveredBlocks),
    ];
    return results.map((tensor) => tensor.dataSync()[0]!);
  }) as unknown as [number, number, number, number];
  return {
    precision: precise / count,
    recall: recalled / count,
    density: density / count,
    coverage: covered / count,
  };
}
