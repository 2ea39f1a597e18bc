import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainingConfig } from '../../src/core/contracts/config.ts';
import { EXPERIMENTS } from './results.ts';
import { table } from './tables.ts';

/** How an alphabet is made: by the model, by copying the most similar training font, or as the mean of all. */
export type Method = 'model' | 'nearest' | 'mean';

/** Scores for one number of given letters. Only letters that were not given are scored. */
export interface FontScores extends Record<Method, { mse: number; ssim: number }> {
  given: number;
  /** Letters scored. */
  letters: number;
  fontsNearerThanNearest: number;
  /** Mean squared errors. */
  byLabel: ({ label: string; count: number } & Record<Method, number>)[];
}

/** What scripts/measure-fonts.ts writes. */
export interface FontsResult {
  name: string;
  dataset: { id: string; labels: number; size: number };
  fonts: { train: number; test: number; testFamilies: number };
  iteration: number;
  config: TrainingConfig;
  /** Choices of given letters for each test font. */
  choices: number;
  reconstruction: number;
  scores: FontScores[];
}

const FOLDER = join(EXPERIMENTS, 'results/fonts');

function readFonts(): FontsResult[] {
  if (!existsSync(FOLDER)) return [];
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  const results = files.map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as FontsResult);
  return results.sort((a, b) => a.iteration - b.iteration);
}

const HEAD = [
  'letters given',
  'letters scored',
  'MSE: model',
  'nearest font',
  'mean letter',
  'SSIM: model',
  'nearest font',
  'mean letter',
  'fonts nearer than nearest font',
];

/** The section of docs/results.md about letters of unseen fonts. */
export function fontsSection(): string {
  const results = readFonts();
  const [first] = results;
  if (first === undefined) return 'Not measured.';
  const { fonts, dataset, choices } = first;
  const about = `Letters made from one, three or eight others of a font against the font's own, ${dataset.size}×${dataset.size} pixels, ${dataset.labels} labels: ${fonts.test} fonts of
${fonts.testFamilies} families of which nothing was seen, ${choices} choices of given letters each, drawn from a seed; ${fonts.train} training fonts. The models are \`modern\` with settings for letters
([fonts.md](fonts.md)). *Nearest font*: the training font whose given letters are nearest by their pixels, copied; *mean letter*: the mean of all training fonts.`;
  return [about, ...results.map(ofResult)].join('\n\n');
}

function ofResult(result: FontsResult): string {
  const { fonts, iteration, config, reconstruction, scores } = result;
  const rows = scores.map(({ given, letters, model, nearest, mean, fontsNearerThanNearest }) => [
    String(given),
    String(letters),
    ...[model, nearest, mean].map(({ mse }) => mse.toFixed(4)),
    ...[model, nearest, mean].map(({ ssim }) => ssim.toFixed(3)),
    `${fontsNearerThanNearest} of ${fonts.test}`,
  ]);
  return `After ${iteration} iterations (latent ${config.latentDim}, KL weight ${config.priorWeight}, pixel weight ${config.pixelWeight}, GAN weight ${config.ganWeight} from iteration ${config.warmupIterations} on). Letters encoded and decoded as
themselves have an MSE of ${reconstruction.toFixed(4)}.

${table(HEAD, rows)}

${verdicts(scores)} ${byLabel(scores[0]!)}`;
}

/** States whether the model or the most similar font is closer, per measure and number of given letters. */
function verdicts(scores: readonly FontScores[]): string {
  const sentence = (measure: string, isNearer: (scores: FontScores) => boolean): string => {
    const won = scores.filter(isNearer).map(({ given }) => given);
    const lost = scores.filter((each) => !isNearer(each)).map(({ given }) => given);
    const parts = [
      ...(won.length > 0 ? [`the model is nearer than the nearest font with ${won.join(', ')} given`] : []),
      ...(lost.length > 0 ? [`the nearest font is nearer with ${lost.join(', ')}`] : []),
    ];
    return `By ${measure} ${parts.join(', ')}.`;
  };
  return [
    sentence('squared error', ({ model, nearest }) => model.mse < nearest.mse),
    sentence('structural similarity', ({ model, nearest }) => model.ssim > nearest.ssim),
  ].join(' ');
}

/** States for which labels copying the most similar font is closer than the model. */
function byLabel({ byLabel: labels, given }: FontScores): string {
  const lost = labels.filter(({ model, nearest }) => model >= nearest);
  const spread = [...labels].sort((a, b) => a.model - b.model);
  const named = (some: typeof labels) =>
    some.map(({ label, model }) => `${label} (${model.toFixed(4)})`).join(', ');
  const verdict =
    lost.length === 0
      ? 'For every label the model is nearer than the nearest font'
      : `The nearest font is nearer than the model for ${lost.length} of ${labels.length} labels (${lost.map(({ label }) => label).join(' ')})`;
  return `With ${given} given: ${verdict}. Best labels: ${named(spread.slice(0, 5))}; worst: ${named(spread.slice(-5))}.`;
}
