/** What the reference classifier saw in a set of images. */
export interface FeatureSet {
  count: number;
  /** count × 64, row-major. */
  values: Float32Array;
  /** The label seen in each image. */
  predictions: Uint8Array;
}

/** Mean and standard deviation of every feature over the training images. */
export interface Standard {
  mean: Float32Array;
  deviation: Float32Array;
}

/** A feature that never moves on training images has no scale of its own. */
const FLAT = 1e-6;

/** Population mean and standard deviation a column, in float64. @param values n × dims */
export function standardOf(values: Float32Array, dims: number): Standard {
  const count = values.length / dims;
  const sum = new Float64Array(dims);
  for (let i = 0; i < values.length; i++) sum[i % dims]! += values[i]!;
  const mean = sum.map((total) => total / count);
  const squares = new Float64Array(dims);
  for (let i = 0; i < values.length; i++) squares[i % dims]! += (values[i]! - mean[i % dims]!) ** 2;
  return {
    mean: Float32Array.from(mean),
    deviation: Float32Array.from(squares, (total) => Math.sqrt(total / count)),
  };
}

/** (value − mean) / deviation a column; columns that never moved in training are only centred. */
export function standardise(values: Float32Array, { mean, deviation }: Standard): Float32Array {
  const dims = mean.length;
  const scale = Float64Array.from(deviation, (d) => (d < FLAT ? 1 : 1 / d));
  return values.map((value, i) => (value - mean[i % dims]!) * scale[i % dims]!);
}
