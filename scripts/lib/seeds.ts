import { row, SAMPLES } from './columns.ts';
import type { TrialResult } from './results.ts';
import { table } from './tables.ts';

/** Whether it succeeded without a mode collapse. */
const isSound = ({ state, diagnoses }: TrialResult): boolean =>
  state === 'succeeded' && !diagnoses.some(({ code }) => code === 'mode_collapse');

/** One row per run. */
export function seedsTable(robustness: TrialResult[]): string {
  const rows = robustness.map((result) => {
    const worst = Math.min(
      ...(result.evaluation?.conditionalAccuracyPerLabel.map((share) => share ?? 1) ?? [0]),
    );
    const diagnoses =
      result.diagnoses.map(({ code, severity }) => `${code} (${severity})`).join(', ') || 'none';
    const [accuracy, , , recall, coverage, diversity, sharpness] = row([result], SAMPLES);
    return [
      result.name,
      String(result.seed),
      result.state,
      accuracy!,
      (100 * worst).toFixed(1),
      recall!,
      coverage!,
      diversity!,
      sharpness!,
      diagnoses,
    ];
  });
  return table(
    [
      'run',
      'seed',
      'ended',
      'accuracy %',
      'worst label %',
      'recall',
      'coverage',
      'diversity',
      'sharpness',
      'diagnoses',
    ],
    rows,
  );
}

/** "9 of 10". */
export const soundShare = (results: TrialResult[]): string =>
  `${results.filter(isSound).length} of ${results.length}`;
