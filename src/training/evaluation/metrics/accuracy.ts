/** The labels that a classifier predicts, against those that were requested. */
export interface LabelAgreement {
  /** Share of images that the classifier gives the requested label. */
  accuracy: number;
  /** The same per requested label; null for one that was never requested. */
  perLabel: (number | null)[];
  /** Counts; rows are requested labels, columns predicted ones. */
  confusion: number[][];
}

/** @param requested,predicted one label index per image */
export function labelAgreement(
  requested: ArrayLike<number>,
  predicted: ArrayLike<number>,
  labels: number,
): LabelAgreement {
  const confusion = Array.from({ length: labels }, () => new Array<number>(labels).fill(0));
  for (let i = 0; i < requested.length; i++) confusion[requested[i]!]![predicted[i]!]!++;
  const right = confusion.map((row, label) => row[label]!);
  const totals = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  return {
    accuracy: right.reduce((sum, count) => sum + count, 0) / requested.length,
    perLabel: right.map((count, label) => (totals[label] === 0 ? null : count / totals[label]!)),
    confusion,
  };
}
