export interface Diversity {
  /** Mean over the labels of `perLabel`. */
  mean: number;
  /** Mean Euclidean distance of all pairs of images of a label; null for fewer than two images. */
  perLabel: (number | null)[];
}

/**
 * Mean pairwise distance within a label. It is 0 for a generator that draws one image per label, even if its label
 * accuracy is perfect.
 *
 * @param values standardised features, n × dims @param labels one label index per row
 */
export function diversityOf(
  values: Float32Array,
  labels: ArrayLike<number>,
  dims: number,
  labelCount: number,
): Diversity {
  const members = Array.from({ length: labelCount }, (): number[] => []);
  for (let i = 0; i < labels.length; i++) members[labels[i]!]!.push(i * dims);
  const perLabel = members.map((rows) => (rows.length < 2 ? null : meanPairwiseDistance(values, rows, dims)));
  const known = perLabel.filter((mean) => mean !== null);
  return { mean: known.reduce((sum, mean) => sum + mean, 0) / known.length, perLabel };
}

/** @param rows the index at which each row starts */
function meanPairwiseDistance(values: Float32Array, rows: number[], dims: number): number {
  let total = 0;
  for (let i = 0; i < rows.length; i++) {
    for (let j = i + 1; j < rows.length; j++) {
      let squares = 0;
      for (let k = 0; k < dims; k++) {
        const difference = values[rows[i]! + k]! - values[rows[j]! + k]!;
        squares += difference * difference;
      }
      total += Math.sqrt(squares);
    }
  }
  return total / ((rows.length * (rows.length - 1)) / 2);
}

/** Generated over real, overall and per label; null where either side is unknown. */
export function diversityRatio(
  generated: Diversity,
  real: Diversity,
): { overall: number; perLabel: (number | null)[] } {
  return {
    overall: generated.mean / real.mean,
    perLabel: generated.perLabel.map((mean, label) => {
      const base = real.perLabel[label];
      return mean === null || !base ? null : mean / base;
    }),
  };
}
