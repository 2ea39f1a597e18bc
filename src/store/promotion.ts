import type { Evaluation } from '../core/contracts/evaluation.ts';
import type { ModelRecord } from '../core/contracts/model.ts';
import type { MetricComparison } from '../core/contracts/promotion.ts';
import { type FieldError, StylographError } from '../core/errors.ts';

interface Rule {
  metric: string;
  better: MetricComparison['better'];
  /** Null if it could not be measured. */
  of(evaluation: Evaluation): number | null;
  /** Tolerated loss against the champion: the difference between samples of one model. */
  slack(champion: number): number;
}

const plain =
  (amount: number) =>
  (_: number): number =>
    amount;
const share =
  (part: number) =>
  (champion: number): number =>
    part * champion;

/**
 * The criteria for a challenger. The Fréchet distance must be lower and nothing else may get worse: a model could improve
 * the distance alone by fewer labels, one picture per label, noise, or ignoring the style.
 */
const RULES: readonly Rule[] = [
  { metric: 'frechetDistance', better: 'lower', of: (e) => e.frechetDistance, slack: plain(0) },
  { metric: 'conditionalAccuracy', better: 'higher', of: (e) => e.conditionalAccuracy, slack: plain(0.01) },
  { metric: 'coverage', better: 'higher', of: (e) => e.coverage, slack: plain(0.03) },
  { metric: 'diversityRatio', better: 'near 1', of: (e) => e.diversityRatio, slack: plain(0.05) },
  { metric: 'sharpnessRatio', better: 'near 1', of: (e) => e.sharpnessRatio, slack: plain(0.1) },
  { metric: 'reconstruction.mse', better: 'lower', of: (e) => e.reconstruction.mse, slack: share(0.1) },
  {
    metric: 'reconstruction.labelKept',
    better: 'higher',
    of: (e) => e.reconstruction.labelKept,
    slack: plain(0.01),
  },
  {
    metric: 'styleTransfer.accuracy',
    better: 'higher',
    of: (e) => e.styleTransfer.accuracy,
    slack: plain(0.01),
  },
  {
    metric: 'styleTransfer.slantCorrelation',
    better: 'higher',
    of: (e) => e.styleTransfer.slantCorrelation,
    slack: plain(0.05),
  },
];

/** Compares the metrics that both evaluations measured. */
export function compareEvaluations(champion: Evaluation, challenger: Evaluation): MetricComparison[] {
  return RULES.flatMap(({ metric, better, of, slack }) => {
    const [was, is] = [of(champion), of(challenger)];
    if (was === null || is === null) return [];
    const { limit, passed } = judge(better, was, is, slack(was));
    return [{ metric, better, champion: was, challenger: is, limit, passed }];
  });
}

function judge(
  better: MetricComparison['better'],
  champion: number,
  challenger: number,
  slack: number,
): Pick<MetricComparison, 'limit' | 'passed'> {
  if (better === 'lower') {
    const limit = champion + slack;
    // Without slack, an equal value is not an improvement.
    return { limit, passed: slack === 0 ? challenger < limit : challenger <= limit };
  }
  if (better === 'higher') return { limit: champion - slack, passed: challenger >= champion - slack };
  const furthest = Math.abs(champion - 1) + slack;
  return {
    limit: challenger < 1 ? 1 - furthest : 1 + furthest,
    passed: Math.abs(challenger - 1) <= furthest,
  };
}

type Judged = Pick<ModelRecord, 'id' | 'dataset' | 'evaluation'>;

/**
 * Checks by the stored evaluations that a challenger is better than the champion.
 * @returns the comparison; empty if there is no champion
 * @throws promotion_refused naming each failed metric with both values, or why the models cannot be compared
 */
export function requireImprovement(champion: Judged | undefined, challenger: Judged): MetricComparison[] {
  const { evaluation } = challenger;
  if (evaluation === undefined) {
    throw refused(`${challenger.id} has no evaluation`);
  }
  if (evaluation.memorisation.flagged) {
    const { ratio } = evaluation.memorisation;
    throw refused(
      `${challenger.id} may repeat training images: memorisation.ratio is ${rounded(ratio)}, below 0.7`,
    );
  }
  if (champion === undefined) return [];
  const before = champion.evaluation;
  if (before === undefined) throw refused(`${champion.id}, the current champion, has no evaluation`);
  const different = differences(champion, before, challenger, evaluation);
  if (different.length > 0) {
    throw refused(`${challenger.id} and ${champion.id} cannot be compared: ${different.join('; ')}`);
  }
  const comparison = compareEvaluations(before, evaluation);
  const failed = comparison.filter(({ passed }) => !passed);
  if (failed.length === 0) return comparison;
  const errors = failed.map(
    (each): FieldError => ({ path: each.metric, message: describe(each, champion.id) }),
  );
  throw refused(
    `${challenger.id} is not better than ${champion.id}: ${errors.map(({ message }) => message).join(' ')}`.replace(
      /\.$/,
      '',
    ),
    errors,
  );
}

function differences(champion: Judged, was: Evaluation, challenger: Judged, is: Evaluation): string[] {
  const pairs: [string, unknown, unknown][] = [
    ['dataset', challenger.dataset, champion.dataset],
    ['split', is.split, was.split],
    ['samples', is.samples, was.samples],
    ['classifier', is.classifier.digest.slice(0, 12), was.classifier.digest.slice(0, 12)],
  ];
  return pairs
    .filter(([, a, b]) => a !== b)
    .map(([what, a, b]) => `${what} is ${String(a)} and ${String(b)}`);
}

const rounded = (value: number): string => String(Number(value.toPrecision(4)));

function describe(
  { metric, better, challenger, champion, limit }: MetricComparison,
  championId: string,
): string {
  const isUpperLimit = better === 'lower' || (better === 'near 1' && challenger >= 1);
  const required = metric === 'frechetDistance' ? 'less than' : isUpperLimit ? 'at most' : 'at least';
  return `${metric} is ${rounded(challenger)}, that of ${championId} ${rounded(champion)}; ${required} ${rounded(limit)} is required.`;
}

function refused(why: string, errors?: FieldError[]): StylographError {
  const detail = `${why}. Nothing was changed; "force" moves the alias anyway.`;
  return new StylographError('promotion_refused', detail, errors ? { errors } : {});
}
