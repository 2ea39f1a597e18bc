import type { TrialResult } from './results.ts';
import { meanAndSpread, table } from './tables.ts';

export type Column = [title: string, value: (result: TrialResult) => number | undefined, digits: number];
const evaluated =
  (read: (evaluation: NonNullable<TrialResult['evaluation']>) => number | null) =>
  (result: TrialResult): number | undefined =>
    (result.evaluation && read(result.evaluation)) ?? undefined;
const percent = (read: (evaluation: NonNullable<TrialResult['evaluation']>) => number | null) =>
  evaluated((evaluation) => {
    const share = read(evaluation);
    return share === null ? null : 100 * share;
  });

export const SAMPLES: Column[] = [
  ['accuracy %', percent((e) => e.conditionalAccuracy), 1],
  ['Fréchet', evaluated((e) => e.frechetDistance), 4],
  ['precision', evaluated((e) => e.precision), 2],
  ['recall', evaluated((e) => e.recall), 2],
  ['coverage', evaluated((e) => e.coverage), 2],
  ['diversity', evaluated((e) => e.diversityRatio), 2],
  ['sharpness', evaluated((e) => e.sharpnessRatio), 2],
];
export const ENCODED: Column[] = [
  ['rec. MSE', evaluated((e) => e.reconstruction.mse), 4],
  ['label kept %', percent((e) => e.reconstruction.labelKept), 1],
  ['transfer %', percent((e) => e.styleTransfer.accuracy), 1],
  ['slant', evaluated((e) => e.styleTransfer.slantCorrelation), 2],
  ['ink', evaluated((e) => e.styleTransfer.inkCorrelation), 2],
  ['active units', evaluated((e) => e.latent.activeUnits), 1],
  ['probe %', percent((e) => e.latent.probeAccuracy), 0],
];

/** Results grouped by name, in the order of the names' first results. */
export function groupsOf(results: TrialResult[]): TrialResult[][] {
  const names = [...new Set(results.map(({ name }) => name))];
  return names.map((name) => results.filter((result) => result.name === name));
}

export const row = (group: TrialResult[], columns: Column[]): string[] =>
  columns.map(([, value, digits]) => meanAndSpread(group.map(value), digits));

export function scores(groups: TrialResult[][], columns: Column[]): string {
  const head = ['run', 'seeds', ...columns.map(([title]) => title)];
  return table(
    head,
    groups.map((group) => [group[0]!.name, String(group.length), ...row(group, columns)]),
  );
}
