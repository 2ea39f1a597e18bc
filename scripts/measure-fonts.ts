import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { DrawnFont } from '../src/data/fonts/draw-fonts.ts';
import { permutation } from '../src/data/permutation.ts';
import { structuralSimilarity } from '../src/training/evaluation/metrics/reconstruction.ts';
import { type FontModel, imagesOf, openFontModel, restyle } from './lib/fonts.ts';
import type { FontScores, FontsResult, Method } from './lib/fonts-table.ts';

/**
 * How near the letters that a model makes from some of an unseen font come to its true ones, beside two that know no style
 * or copy one: node --import tsx scripts/measure-fonts.ts latest --fonts fonts --data-dir data --out experiments/results/fonts/modern-7000.json
 *
 * Letters that were given are not scored. Which are given is drawn by the font's turn, the same for every model.
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
  throw new Error('Name the folder of fonts that the dataset was made of: --fonts FOLDER');

/** Letters given of a font. */
const GIVEN = [1, 3, 8];
/** Choices of letters for each font. */
const CHOICES = 8;
const METHODS: readonly Method[] = ['model', 'nearest', 'mean'];

const opened = await openFontModel(positionals[0] ?? 'latest', values.fonts, values['data-dir']);
const { record, model, train, test } = opened;
const { labels, width, height } = record.image;
const pixels = width * height;
const meanLetters = meanOf(train);

/** Mean squared error on a scale of 0 to 1. */
function errorOf(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at]! - b[at]!) ** 2;
  return sum / a.length / 255 ** 2;
}

/** The mean image of each label: all that can be said of a letter without its font. */
function meanOf(fonts: readonly DrawnFont[]): Uint8Array {
  return Uint8Array.from({ length: labels.length * pixels }, (_, at) => {
    return Math.round(fonts.reduce((sum, { images }) => sum + images[at]!, 0) / fonts.length);
  });
}

/** The training font whose given letters are nearest, pixel by pixel. */
function nearest(font: DrawnFont, sources: readonly number[]): DrawnFont {
  const wanted = imagesOf(font, sources, pixels);
  const distances = train.map((other) => errorOf(imagesOf(other, sources, pixels), wanted));
  return train[distances.indexOf(Math.min(...distances))]!;
}

function alphabets(font: DrawnFont, sources: readonly number[]): Record<Method, Uint8Array> {
  return { model: restyle(opened, font, sources), nearest: nearest(font, sources).images, mean: meanLetters };
}

/** Sums by label of what was found, for each method. */
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
  for (const [turn, font] of test.entries()) {
    const ofFont = { model: 0, nearest: 0, mean: 0 };
    for (let choice = 0; choice < CHOICES; choice++) {
      const sources = [...permutation(labels.length, `fonts:${turn}:${choice}`).subarray(0, given)];
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
    process.stderr.write(`\r${given} given: ${turn + 1} of ${test.length} fonts `);
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

/** Letters of test fonts encoded and decoded as themselves: what the model could do at best. */
function reconstruction({ record: { config } }: FontModel): number {
  const errors = test.map(({ images }) => {
    const { mean } = model.encode(images, Int32Array.from(labels.keys()));
    if (mean.length !== labels.length * config.latentDim) throw new Error('latents of another length');
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
