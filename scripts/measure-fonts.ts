import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { DrawnFont } from '../src/data/fonts/draw-fonts.ts';
import { permutation } from '../src/data/permutation.ts';
import { structuralSimilarity } from '../src/training/evaluation/metrics/reconstruction.ts';
import { type FontModel, imagesOf, openFontModel, restyle } from './lib/fonts.ts';
import type { FontScores, FontsResult, Method } from './lib/fonts-table.ts';

/**
 * Measures how close a model's letters are to those of an unseen font, when the model is given some of the font's letters.
 * Two baselines are measured too: the most similar training font, and the mean letter of all training fonts.
 * node --import tsx scripts/measure-fonts.ts latest --fonts fonts --data-dir data --out experiments/results/fonts/modern-7000.json
 *
 * Given letters are not scored. The choice of given letters depends on the font's index only, so it is the same for every
 * model.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    fonts: { type: 'string' },
    'data-dir': { type: 'string', default: process.env.DATA_DIR ?? 'data' },
    out: { type: 'string' },
  },
});
if (values.fonts === undefined)
  throw new Error('Name the folder with the fonts of the dataset: --fonts FOLDER');

/** Numbers of given letters. */
const GIVEN = [1, 3, 8];
/** Random choices of given letters per font. */
const CHOICES = 8;
const METHODS: readonly Method[] = ['model', 'nearest', 'mean'];

const opened = await openFontModel(positionals[0] ?? 'latest', values.fonts, values['data-dir']);
const { record, model, train, test } = opened;
const { labels, width, height } = record.image;
const pixels = width * height;
const meanLetters = meanOf(train);

/** Mean squared error of pixels in [0, 1]. */
function errorOf(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at]! - b[at]!) ** 2;
  return sum / a.length / 255 ** 2;
}

/** The mean image of each label: the best guess without knowing the font. */
function meanOf(fonts: readonly DrawnFont[]): Uint8Array {
  return Uint8Array.from({ length: labels.length * pixels }, (_, at) => {
    return Math.round(fonts.reduce((sum, { images }) => sum + images[at]!, 0) / fonts.length);
  });
}

/** The training font whose given letters have the smallest squared error. */
function nearest(font: DrawnFont, sources: readonly number[]): DrawnFont {
  const wanted = imagesOf(font, sources, pixels);
  const distances = train.map((other) => errorOf(imagesOf(other, sources, pixels), wanted));
  return train[distances.indexOf(Math.min(...distances))]!;
}

function alphabets(font: DrawnFont, sources: readonly number[]): Record<Method, Uint8Array> {
  return { model: restyle(opened, font, sources), nearest: nearest(font, sources).images, mean: meanLetters };
}

/** Sums of errors per label, for each method. */
type Sums = Record<Method, { mse: Float64Array; ssim: Float64Array }>;

const average = (values: ArrayLike<number>, weights: ArrayLike<number>): number => {
  const all = Array.from(values).reduce((sum, value) => sum + value, 0);
  return all / Array.from(weights).reduce((sum, value) => sum + value, 0);
};

function scoresOf(given: number): FontScores {
  const empty = () => ({ mse: new Float64Array(labels.length), ssim: new Float64Array(labels.length) });
  const sums: Sums = { model: empty(), nearest: empty(), mean: empty() };
  const counts = new Uint32Array(labels.length);
  let wins = 0;
  for (const [index, font] of test.entries()) {
    const ofFont = { model: 0, nearest: 0, mean: 0 };
    for (let choice = 0; choice < CHOICES; choice++) {
      const sources = [...permutation(labels.length, `fonts:${index}:${choice}`).subarray(0, given)];
      const made = alphabets(font, sources);
      for (const label of labels.keys()) {
        if (sources.includes(label)) continue;
        counts[label]!++;
        const truth = imagesOf(font, [label], pixels);
        for (const method of METHODS) {
          const image = imagesOf({ images: made[method] }, [label], pixels);
          const error = errorOf(image, truth);
          ofFont[method] += error;
          sums[method].mse[label]! += error;
          sums[method].ssim[label]! += structuralSimilarity(image, truth, { width, height, channels: 1 });
        }
      }
    }
    if (ofFont.model < ofFont.nearest) wins++;
    process.stderr.write(`\r${given} given: ${index + 1} of ${test.length} fonts `);
  }
  const ofMethod = (method: Method) => ({
    mse: average(sums[method].mse, counts),
    ssim: average(sums[method].ssim, counts),
  });
  return {
    given,
    letters: counts.reduce((sum, count) => sum + count, 0),
    model: ofMethod('model'),
    nearest: ofMethod('nearest'),
    mean: ofMethod('mean'),
    fontsNearerThanNearest: wins,
    byLabel: labels.map((label, at) => ({
      label,
      count: counts[at]!,
      model: sums.model.mse[at]! / counts[at]!,
      nearest: sums.nearest.mse[at]! / counts[at]!,
      mean: sums.mean.mse[at]! / counts[at]!,
    })),
  };
}

/** The error of reconstructed letters of test fonts: the best that the model could achieve. */
function reconstruction({ record: { config } }: FontModel): number {
  const errors = test.map(({ images }) => {
    const { mean } = model.encode(images, Int32Array.from(labels.keys()));
    if (mean.length !== labels.length * config.latentDim) throw new Error('the latents have another length');
    return errorOf(model.decode(mean, Int32Array.from(labels.keys())), images);
  });
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}

const result: FontsResult = {
  name: record.preset,
  dataset: { id: record.dataset, labels: labels.length, size: width },
  fonts: {
    train: train.length,
    test: test.length,
    testFamilies: new Set(test.map(({ family }) => family)).size,
  },
  iteration: record.iteration,
  config: record.config,
  choices: CHOICES,
  reconstruction: reconstruction(opened),
  scores: GIVEN.map(scoresOf),
};
const text = `${JSON.stringify(result, null, 1)}\n`;
if (values.out === undefined) console.log(text);
else {
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, text);
}
model.dispose();
