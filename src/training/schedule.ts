import type { DiscriminatorEntropies } from '../core/contracts/checkpoint.ts';
import type { TrainingConfig } from '../core/contracts/config.ts';

/*
 * Decisions of the training procedure as pure functions of losses and settings.
 *
 * At chance level L_GAN ≈ 0.057 for the article's sizes, so its thresholds of 1.0 and 0.4 result in one discriminator step
 * and three encoder/decoder steps per iteration.
 */

/** Whether another discriminator step follows the one whose L_GAN was `gan`. @param done steps so far in this iteration */
export function discriminatorContinues(gan: number, done: number, config: TrainingConfig): boolean {
  return done < config.innerSteps.discriminator && !(gan < config.discriminatorThreshold);
}

/** Whether the step whose L_GAN was `gan` is the iteration's last of encoder and decoder. */
export function generatorStops(gan: number, config: TrainingConfig): boolean {
  return gan > config.generatorThreshold;
}

/** About ln 2, the entropy of guessing, and how far from it the adversaries may move (the code of Larsen et al. 2016). */
const EQUILIBRIUM = 0.68;
const MARGIN = 0.35;
/** Weight of the earlier average when a step's entropies are added. */
const SMOOTHING = 0.9;

/** The exponential average of entropies after a step that measured `seen`. */
export function smoothed(
  before: DiscriminatorEntropies | undefined,
  seen: DiscriminatorEntropies,
): DiscriminatorEntropies {
  if (!before) return seen;
  const towards = (old: number, found: number): number => SMOOTHING * old + (1 - SMOOTHING) * found;
  return { real: towards(before.real, seen.real), fake: towards(before.fake, seen.fake) };
}

/** Which networks move: the discriminator unless it wins, the decoder unless it loses, and both if neither would. */
export function equilibriumGate(entropies: DiscriminatorEntropies | undefined): {
  discriminator: boolean;
  decoder: boolean;
} {
  if (!entropies) return { discriminator: true, decoder: true };
  const both = [entropies.real, entropies.fake];
  const discriminator = both.every((entropy) => entropy >= EQUILIBRIUM - MARGIN);
  const decoder = both.every((entropy) => entropy <= EQUILIBRIUM + MARGIN);
  return discriminator || decoder ? { discriminator, decoder } : { discriminator: true, decoder: true };
}

/** Factor on the learning rates: 1, then linearly down to 0.1 over the last `learningRateDecay` share of the run. */
export function rateFactor(iteration: number, { iterations, learningRateDecay }: TrainingConfig): number {
  if (learningRateDecay === 0) return 1;
  const start = iterations * (1 - learningRateDecay);
  if (iteration <= start) return 1;
  return 1 - 0.9 * ((iteration - start) / (iterations - start));
}

/** Factor on the weight of the KL term: linearly from 0 to 1 over `priorWarmupIterations`. */
export function priorFactor(
  iteration: number,
  { priorWarmupIterations }: Pick<TrainingConfig, 'priorWarmupIterations'>,
): number {
  return priorWarmupIterations === 0 ? 1 : Math.min(1, iteration / priorWarmupIterations);
}

/** Standard deviation of the noise on the discriminator's images: linearly from `inputNoise` to 0 at the last iteration. */
export function inputNoise(
  iteration: number,
  { inputNoise, iterations }: Pick<TrainingConfig, 'inputNoise' | 'iterations'>,
): number {
  return inputNoise * (1 - iteration / iterations);
}

/** Whether something due every `every` iterations is due after this one (counted from 1); after the last it always is. */
export function isDue(iteration: number, every: number, iterations: number): boolean {
  return iteration % every === 0 || iteration === iterations;
}

/** The article draws at periods 0–99 and then at 100, 110, … 990. A period is three iterations. */
const ARTICLE_PERIODS = [
  ...Array.from({ length: 100 }, (_, period) => period),
  ...Array.from({ length: 90 }, (_, i) => 100 + 10 * i),
];
const PERIOD_ITERATIONS = 3;

/**
 * Completed iterations at which a film's frames are taken, ascending; 0 is before training. The geometric schedule spaces
 * them by a constant factor from 1 to the last iteration, as far as integers allow.
 */
export function frameIterations({
  iterations,
  figures,
}: Pick<TrainingConfig, 'iterations' | 'figures'>): number[] {
  const { schedule, frames } = figures;
  if (frames === 0) return [];
  if (schedule === 'article') {
    const all = ARTICLE_PERIODS.map((period) => period * PERIOD_ITERATIONS);
    return all.filter((iteration) => iteration <= iterations).slice(0, frames);
  }
  if (frames === 1) return [iterations];
  const taken = [0];
  for (let last = 0; taken.length < frames && last < iterations; ) {
    const left = frames - taken.length;
    const next = last === 0 ? iterations ** (1 / left) : last * (iterations / last) ** (1 / left);
    last = left === 1 ? iterations : Math.min(iterations, Math.max(last + 1, Math.round(next)));
    taken.push(last);
  }
  return taken;
}
