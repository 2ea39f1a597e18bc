import type { Evaluation } from '../../src/core/contracts/evaluation.ts';
import type { TrialResult } from './results.ts';
import { table } from './tables.ts';

type Scores = Omit<Evaluation, 'selfTests'>;
/** A target for a group of runs. Its value is computed from means over the group and over the plain CVAE's runs. */
interface Target {
  what: string;
  goal: string;
  value(mean: Mean, cvae: Mean): number | undefined;
  isMet(value: number): boolean;
  digits: number;
  percent?: true;
}
type Mean = (read: (scores: Scores) => number | null) => number | undefined;

const ratio = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? undefined : one / other;
const accuracy: Target['value'] = (mean) => mean((e) => e.conditionalAccuracy);
const distanceRatio: Target['value'] = (mean, cvae) =>
  ratio(
    mean((e) => e.frechetDistance),
    cvae((e) => e.frechetDistance),
  );
const atLeast = (bar: number) => (value: number) => value >= bar;
const atMost = (bar: number) => (value: number) => value <= bar;
const within = (low: number, high: number) => (value: number) => value >= low && value <= high;

const DIGITS: Target[] = [
  {
    ...{ what: 'conditional accuracy', goal: '≥ 98.5 %', value: accuracy },
    ...{ isMet: atLeast(0.985), digits: 1, percent: true },
  },
  {
    ...{ what: "Fréchet distance against the plain CVAE's", goal: '≤ 0.25', value: distanceRatio },
    ...{ isMet: atMost(0.25), digits: 2 },
  },
  {
    ...{ what: 'coverage', goal: '≥ 0.75', value: (mean) => mean((e) => e.coverage) },
    ...{ isMet: atLeast(0.75), digits: 2 },
  },
  {
    ...{ what: 'diversity', goal: '0.9–1.1', value: (mean) => mean((e) => e.diversityRatio) },
    ...{ isMet: within(0.9, 1.1), digits: 2 },
  },
  {
    ...{ what: 'sharpness', goal: '0.9–1.15', value: (mean) => mean((e) => e.sharpnessRatio) },
    ...{ isMet: within(0.9, 1.15), digits: 2 },
  },
  {
    ...{ what: 'label kept by reconstructions', goal: '≥ 98.5 %' },
    ...{ value: (mean) => mean((e) => e.reconstruction.labelKept) },
    ...{ isMet: atLeast(0.985), digits: 1, percent: true },
  },
  {
    ...{ what: "reconstruction MSE against the plain CVAE's", goal: '≤ 1.8' },
    value: (mean, cvae) =>
      ratio(
        mean((e) => e.reconstruction.mse),
        cvae((e) => e.reconstruction.mse),
      ),
    ...{ isMet: atMost(1.8), digits: 2 },
  },
  {
    ...{ what: 'transfer accuracy', goal: '≥ 98 %' },
    ...{ value: (mean) => mean((e) => e.styleTransfer.accuracy) },
    ...{ isMet: atLeast(0.98), digits: 1, percent: true },
  },
  {
    ...{ what: 'correlation of slant', goal: '≥ 0.7' },
    ...{ value: (mean) => mean((e) => e.styleTransfer.slantCorrelation) },
    ...{ isMet: atLeast(0.7), digits: 2 },
  },
  {
    ...{ what: 'correlation of ink', goal: '≥ 0.7' },
    ...{ value: (mean) => mean((e) => e.styleTransfer.inkCorrelation) },
    ...{ isMet: atLeast(0.7), digits: 2 },
  },
];
const CLOTHES: Target[] = [
  {
    ...{ what: "conditional accuracy against the classifier's own on real images", goal: '≥ 0.97' },
    value: (mean) =>
      ratio(
        mean((e) => e.conditionalAccuracy),
        mean((e) => e.classifier.testAccuracy),
      ),
    ...{ isMet: atLeast(0.97), digits: 2 },
  },
  {
    ...{ what: "Fréchet distance against the plain CVAE's", goal: '≤ 0.4', value: distanceRatio },
    ...{ isMet: atMost(0.4), digits: 2 },
  },
];

const meanOver =
  (results: TrialResult[]): Mean =>
  (read) => {
    const values = results.flatMap(({ evaluation }) => (evaluation ? [read(evaluation)] : []));
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
  };

/** `modern` against its targets: on MNIST with either latent size, and on Fashion-MNIST. */
export function targetsTable(presets: TrialResult[]): string {
  const runs = (preset: string, dataset: string, latentDim: number, iterations?: number) =>
    presets.filter(
      (one) =>
        one.preset === preset &&
        one.dataset === dataset &&
        one.config.latentDim === latentDim &&
        (iterations === undefined || one.config.iterations === iterations),
    );
  const rows = (targets: Target[], dataset: string, latentDim: number): string[][] => {
    const full = Math.max(...runs('modern', dataset, latentDim).map(({ config }) => config.iterations));
    const found = runs('modern', dataset, latentDim, full);
    const [mean, cvae] = [meanOver(found), meanOver(runs('cvae', dataset, latentDim))];
    return targets.map(({ what, goal, value, isMet, digits, percent }) => {
      const reached = value(mean, cvae);
      const shown =
        reached === undefined
          ? '–'
          : percent
            ? `${(100 * reached).toFixed(digits)} %`
            : reached.toFixed(digits);
      const met = reached === undefined ? '–' : isMet(reached) ? 'yes' : 'no';
      return [dataset, String(latentDim), what, goal, shown, met];
    });
  };
  return table(
    ['dataset', 'latent', 'what', 'target', 'reached', 'met'],
    [...rows(DIGITS, 'mnist', 8), ...rows(DIGITS, 'mnist', 2), ...rows(CLOTHES, 'fashion-mnist', 8)],
  );
}
