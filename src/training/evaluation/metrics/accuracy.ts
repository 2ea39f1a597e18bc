/** Which labels a classifier saw where which were asked. */
export interface LabelAgreement {
  /** Share of images that the classifier gives the asked label. */
  accuracy: number;
  /** The same for each asked label; null for one that was never asked. */
  perLabel: (number | null)[];
  /** Rows are asked labels, columns what the classifier saw; counts. */
  confusion: number[][];
}

/** @param asked,seen one label index an image */
export function labelAgreement(
  asked: ArrayLike<number>,
  seen: ArrayLike<number>,
  labels: number,
): LabelAgreement {
  const confusion = Array.from({ length: labels }, () => new Array<number>(labels).fill(0));
  for (let i = 0; i < asked.length; i++) confusion[asked[i]!]![seen[i]!]!++;
  const right = confusion.map((row, label) => row[label]!);
  const totals = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  return {
    accuracy: right.reduce((sum, count) => sum + count, 0) / asked.length,
    perLabel: right.map((count, label) => (totals[label] === 0 ? null : count / totals[label]!)),
    confusion,
  };
}
