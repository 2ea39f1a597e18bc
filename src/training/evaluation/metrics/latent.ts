/** A dimension is active when the variance of its mean exceeds this (Burda et al. 2016). */
const ACTIVE_VARIANCE = 0.01;

/**
 * KL[N(μ, σ²) ‖ N(0, 1)] = ½ (μ² + σ² − 1 − log σ²) per dimension, averaged over the images, in nats. Not clipped.
 *
 * @param mean,logVar n × dims
 */
export function klPerDimension(mean: Float32Array, logVar: Float32Array, dims: number): number[] {
  const sums = new Array<number>(dims).fill(0);
  for (let i = 0; i < mean.length; i++) {
    sums[i % dims]! += 0.5 * (mean[i]! ** 2 + Math.exp(logVar[i]!) - 1 - logVar[i]!);
  }
  return sums.map((sum) => sum / (mean.length / dims));
}

/** Dimensions whose mean has a variance above 0.01 over the images (Burda et al. 2016, section 5). @param mean n × dims */
export function activeUnits(mean: Float32Array, dims: number): number {
  const { deviation } = columns(mean, dims);
  return deviation.filter((value) => value ** 2 > ACTIVE_VARIANCE).length;
}

function columns(values: Float32Array, dims: number): { mean: Float64Array; deviation: Float64Array } {
  const count = values.length / dims;
  const mean = new Float64Array(dims);
  for (let i = 0; i < values.length; i++) mean[i % dims]! += values[i]! / count;
  const squares = new Float64Array(dims);
  for (let i = 0; i < values.length; i++) squares[i % dims]! += (values[i]! - mean[i % dims]!) ** 2 / count;
  return { mean, deviation: squares.map(Math.sqrt) };
}

const PROBE_STEPS = 200;
const PROBE_RATE = 0.5;
const PROBE_MOMENTUM = 0.9;

/**
 * Accuracy of a linear probe (multinomial logistic regression, Alain and Bengio 2016) that predicts the label from the
 * mean. It is fitted to one set of images by 200 full-batch steps with momentum on standardised means, and measured on
 * another. Chance is ideal: a latent that holds the style and not the label.
 *
 * @param fit,test means n × dims with one label per row
 */
export function probeAccuracy(
  fit: { mean: Float32Array; labels: ArrayLike<number> },
  test: { mean: Float32Array; labels: ArrayLike<number> },
  dims: number,
  labels: number,
): number {
  const scale = columns(fit.mean, dims);
  const rowsOf = (values: Float32Array): Float64Array => {
    const rows = new Float64Array((values.length / dims) * (dims + 1)).fill(1);
    for (let i = 0; i < values.length; i++) {
      const k = i % dims;
      rows[Math.floor(i / dims) * (dims + 1) + k] =
        (values[i]! - scale.mean[k]!) / (scale.deviation[k]! || 1);
    }
    return rows;
  };
  const weights = fitProbe(rowsOf(fit.mean), fit.labels, dims + 1, labels);
  const rows = rowsOf(test.mean);
  let correct = 0;
  for (let i = 0; i < test.labels.length; i++) {
    const scores = scoresOf(rows, i, weights, dims + 1, labels);
    if (scores.indexOf(Math.max(...scores)) === test.labels[i]) correct++;
  }
  return correct / test.labels.length;
}

function scoresOf(
  rows: Float64Array,
  row: number,
  weights: Float64Array,
  size: number,
  labels: number,
): number[] {
  const scores = new Array<number>(labels).fill(0);
  for (let label = 0; label < labels; label++) {
    let sum = 0;
    for (let k = 0; k < size; k++) sum += weights[label * size + k]! * rows[row * size + k]!;
    scores[label] = sum;
  }
  return scores;
}

/** @returns labels × size weights, the last of each label its bias */
function fitProbe(
  rows: Float64Array,
  answers: ArrayLike<number>,
  size: number,
  labels: number,
): Float64Array {
  const weights = new Float64Array(labels * size);
  const velocity = new Float64Array(labels * size);
  for (let step = 0; step < PROBE_STEPS; step++) {
    const gradient = new Float64Array(labels * size);
    for (let row = 0; row < answers.length; row++) {
      const scores = scoresOf(rows, row, weights, size, labels);
      const best = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - best));
      const total = powers.reduce((sum, power) => sum + power, 0);
      for (let label = 0; label < labels; label++) {
        const error = powers[label]! / total - (answers[row] === label ? 1 : 0);
        for (let k = 0; k < size; k++) gradient[label * size + k]! += error * rows[row * size + k]!;
      }
    }
    for (let i = 0; i < weights.length; i++) {
      velocity[i] = PROBE_MOMENTUM * velocity[i]! - (PROBE_RATE * gradient[i]!) / answers.length;
      weights[i]! += velocity[i]!;
    }
  }
  return weights;
}
