import type { Dataset } from '../../core/contracts/dataset.ts';

/** Share of right answers below which a classifier is no good judge of labels. */
const GOOD = 0.9;
/** Test images below which distances are told to be rough. */
const FEW = 1_000;

/** What to keep in mind with the numbers of an evaluation. */
export function notesOn({ info, test }: Pick<Dataset, 'info' | 'test'>, testAccuracy: number): string[] {
  const notes: string[] = [];
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  if (testAccuracy < GOOD) {
    notes.push(
      `The reference classifier is right about ${percent(testAccuracy)} of real test images (guessing: ${percent(1 / info.labels.length)}). Accuracies can hardly go beyond that, and its features tell little: take all scores as rough.`,
    );
  }
  if (test.count < FEW) {
    notes.push(
      `There are ${test.count} test images. Distances to so few are too large and vary: compare them with the self-tests and with other models of this dataset, not with other datasets.`,
    );
  }
  if (info.channels === 3) {
    notes.push(
      'Slant is a property of ink on paper and is not measured in colour; "ink" is brightness there.',
    );
  }
  return notes;
}
