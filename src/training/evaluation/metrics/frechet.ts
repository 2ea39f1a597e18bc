import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

interface Gaussian {
  mean: Float64Array;
  /** Unbiased: divided by n − 1. */
  covariance: Matrix;
}

/** Mean and unbiased covariance of rows, in float64. @param values n × dims */
function gaussianOf(values: Float32Array, dims: number): Gaussian {
  const count = values.length / dims;
  const mean = new Float64Array(dims);
  for (let i = 0; i < values.length; i++) mean[i % dims]! += values[i]! / count;
  const products = new Float64Array(dims * dims);
  const row = new Float64Array(dims);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < dims; i++) row[i] = values[n * dims + i]! - mean[i]!;
    for (let i = 0; i < dims; i++) {
      const own = row[i]!;
      for (let j = i; j < dims; j++) products[i * dims + j]! += own * row[j]!;
    }
  }
  const covariance = Matrix.zeros(dims, dims);
  for (let i = 0; i < dims; i++) {
    for (let j = i; j < dims; j++) {
      const value = products[i * dims + j]! / (count - 1);
      covariance.set(i, j, value);
      covariance.set(j, i, value);
    }
  }
  return { mean, covariance };
}

const eigenOf = (matrix: Matrix): EigenvalueDecomposition =>
  new EigenvalueDecomposition(matrix, { assumeSymmetric: true });

/** The symmetric square root of a positive semi-definite matrix. Eigenvalues that rounding made negative count as 0. */
function squareRoot(matrix: Matrix): Matrix {
  const { realEigenvalues, eigenvectorMatrix } = eigenOf(matrix);
  const roots = Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(value, 0))));
  return eigenvectorMatrix.mmul(roots).mmul(eigenvectorMatrix.transpose());
}

/**
 * Fréchet distance of two Gaussians fitted to features, divided by the number of features:
 * (|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·(Σ₁^½ Σ₂ Σ₁^½)^½)) / dims (Dowson and Landau 1982; on features, Heusel et al. 2017).
 * Float64 throughout.
 *
 * @param real,generated standardised features, n × dims and m × dims
 */
export function frechetDistance(real: Float32Array, generated: Float32Array, dims: number): number {
  const [a, b] = [gaussianOf(real, dims), gaussianOf(generated, dims)];
  const root = squareRoot(a.covariance);
  const product = root.mmul(b.covariance).mmul(root);
  // The product is symmetric except for rounding.
  const symmetric = product.add(product.transpose()).mul(0.5);
  const trace = eigenOf(symmetric).realEigenvalues.reduce(
    (sum, value) => sum + Math.sqrt(Math.max(value, 0)),
    0,
  );
  const means = a.mean.reduce((sum, value, i) => sum + (value - b.mean[i]!) ** 2, 0);
  return Math.max(0, means + a.covariance.trace() + b.covariance.trace() - 2 * trace) / dims;
}

/** Features followed by the one-hot label, whose entries are `scale` or 0: n × (dims + labelCount). */
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
 * with the requested label of each image, so that images of the wrong label raise it too. Labels weigh as much as features:
 * the one-hot entry is the mean norm of the real features. Divided by `dims`, as the plain distance is.
 *
 * @param real,generated standardised features, n × dims and m × dims, and one label index per row
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
