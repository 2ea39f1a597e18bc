import type { TrialResult } from './results.ts';
import { table } from './tables.ts';

const GOOD = { conditionalAccuracy: 0.97, diversityRatio: 0.9, coverage: 0.6 };
/** The plain CVAE's Fréchet distance on validation images. */
const plainDistance = (presets: TrialResult[], dataset: string, latentDim: number): number | undefined =>
  presets
    .find(
      ({ config, ...one }) =>
        one.preset === 'cvae' && one.dataset === dataset && config.latentDim === latentDim,
    )
    ?.validations.at(-1)?.frechetDistance;

/** The first checkpoint that meets every criterion, and whether every later one does. */
function timeToQuality(
  result: TrialResult,
  plain: number | undefined,
): { iteration: number; kept: boolean } | undefined {
  const isGood = (one: TrialResult['validations'][number]): boolean =>
    plain !== undefined &&
    one.conditionalAccuracy >= GOOD.conditionalAccuracy &&
    one.diversityRatio >= GOOD.diversityRatio &&
    one.coverage >= GOOD.coverage &&
    one.frechetDistance <= 0.5 * plain;
  const at = result.validations.findIndex(isGood);
  if (at < 0) return undefined;
  const later = result.validations.slice(at);
  return { iteration: later[0]!.iteration, kept: later.every(isGood) };
}

/** Seconds per iteration of a preset on two otherwise idle cores. */
export const pace = (timed: TrialResult[], preset: string): number | undefined => {
  const run = timed.find((result) => result.preset === preset && result.dataset === 'mnist');
  return run && run.trainingSeconds / run.config.iterations;
};

/** When each run on MNIST with latent 8 first met every criterion. */
export function timesToQuality(presets: TrialResult[], timed: TrialResult[]): string {
  const rows = presets
    .filter(({ dataset, config }) => dataset === 'mnist' && config.latentDim === 8)
    .map((result) => {
      const found = timeToQuality(result, plainDistance(presets, result.dataset, result.config.latentDim));
      const seconds = pace(timed, result.preset);
      const whole = seconds === undefined ? '–' : (seconds * result.config.iterations).toFixed(0);
      const until = found && seconds !== undefined ? (seconds * found.iteration).toFixed(0) : '–';
      const first = found ? `${found.iteration}${found.kept ? '' : ' (not at every later one)'}` : 'never';
      return [result.name, String(result.seed), first, until, whole];
    });
  return table(
    ['run', 'seed', 'first checkpoint at which all hold', 'training seconds to it', 'whole run, seconds'],
    rows,
  );
}
