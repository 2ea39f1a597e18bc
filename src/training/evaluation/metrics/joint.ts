import { frechetDistance } from './frechet.ts';

/** Features with the one-hot label behind them, its entries `scale` or 0: n × (dims + labelCount). */
function joined(values: Float32Array, labels: Uint8Array, dims: number, labelCount: number, scale: number) {
  const width = dims + labelCount;
  const rows = new Float32Array(labels.length * width);
  labels.forEach((label, i) => {
    rows.set(values.subarray(i * dims, (i + 1) * dims), i * width);
    rows[i * width + dims + label] = scale;
  });
  return rows;
}

const meanNorm = (values: Float32Array, dims: number): number => {
  let sum = 0;
  for (let row = 0; row < values.length; row += dims) sum += Math.hypot(...values.subarray(row, row + dims));
  return sum / (values.length / dims);
};

/**
 * Fréchet joint distance (DeVries et al. 2019, "On the evaluation of conditional GANs"): the Fréchet distance of features joined
 * with the label asked of each image, so that images of the wrong label raise it too. Labels weigh as much as features: a
 * one-hot entry is the mean norm of the real features. Divided by `dims`, as the plain distance is.
 *
 * @param real,generated standardised features, n × dims and m × dims, and a label index a row
 */
export function frechetJointDistance(
  real: { values: Float32Array; labels: Uint8Array },
  generated: { values: Float32Array; labels: Uint8Array },
  dims: number,
  labelCount: number,
): number {
  const scale = meanNorm(real.values, dims);
  const [a, b] = [real, generated].map(({ values, labels }) =>
    joined(values, labels, dims, labelCount, scale),
  );
  return (frechetDistance(a!, b!, dims + labelCount) * (dims + labelCount)) / dims;
}
