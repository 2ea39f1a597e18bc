import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Digest } from '../../core/contracts/common.ts';
import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import { SampleScores } from '../../core/contracts/evaluation.ts';
import { permutation } from '../../data/permutation.ts';
import { StepRandom, tf } from '../../engine/index.ts';
import { firstImages, type ImageSet } from './image-sets.ts';
import { MEMORISATION_LIMIT, nearestTrainingDistance } from './metrics/neighbours.ts';
import type { ImageSize } from './metrics/planes.ts';
import type { OnChunk } from './progress.ts';
import type { ReferenceClassifier } from './reference-classifier.ts';
import { type RealImages, scoreSet } from './scores.ts';

/** Raise it when a metric or a self-test changes, so that stored baselines become invalid. */
const VERSION = 2;
const NOISE_SEED = 0;

/** The scores of known images, which a model's scores are compared with. */
export const Baseline = z.strictObject({
  version: z.literal(VERSION),
  classifier: Digest,
  dataset: Digest,
  samples: z.int(),
  selfTests: z.record(z.string(), SampleScores),
  /** Median distance from a test image to its nearest training image. */
  testToTraining: z.number(),
});
export type Baseline = z.infer<typeof Baseline>;

/** With Gaussian noise, rounded to bytes. @param deviation of pixels in [0, 1] */
function noisy(images: Uint8Array, deviation: number, draw: number): Uint8Array {
  const noise = tf.tidy(() => new StepRandom(NOISE_SEED, 'samples', draw).normal([images.length]).dataSync());
  return images.map((byte, i) =>
    Math.round(255 * Math.min(1, Math.max(0, byte / 255 + deviation * noise[i]!))),
  );
}

/** Each channel filtered by a Gaussian of σ 1 pixel; pixels outside the image count as 0. */
function blurred(images: Uint8Array, { width, height, channels }: ImageSize): Uint8Array {
  const kernel = [-3, -2, -1, 0, 1, 2, 3].map((x) => Math.exp(-(x ** 2) / 2));
  const sum = kernel.reduce((total, value) => total + value, 0);
  const pass = (source: Float32Array, step: number, side: number): Float32Array =>
    source.map((_, i) => {
      const at = Math.floor(i / step) % side;
      let value = 0;
      for (let k = -3; k <= 3; k++) {
        if (at + k >= 0 && at + k < side) value += (kernel[k + 3]! / sum) * source[i + k * step]!;
      }
      return value;
    });
  const across = pass(Float32Array.from(images), channels, width);
  return Uint8Array.from(pass(across, channels * width, height), Math.round);
}

/** For each of `labels`, the mean of that label's images in `of`. */
function classMeans(labels: Uint8Array, of: LabelledImages, labelCount: number): Uint8Array {
  const pixels = of.images.length / of.count;
  const sums = Array.from({ length: labelCount }, () => new Float64Array(pixels));
  const counts = new Array<number>(labelCount).fill(0);
  for (let i = 0; i < of.count; i++) {
    const sum = sums[of.labels[i]!]!;
    counts[of.labels[i]!]!++;
    for (let k = 0; k < pixels; k++) sum[k]! += of.images[i * pixels + k]!;
  }
  const means = sums.map((sum, label) => Uint8Array.from(sum, (total) => Math.round(total / counts[label]!)));
  const images = new Uint8Array(labels.length * pixels);
  labels.forEach((label, i) => {
    images.set(means[label]!, i * pixels);
  });
  return images;
}

/** Known images by name, real and damaged. Their scores show what a metric's values mean. */
export const SELF_TESTS: Record<string, (test: ImageSet, dataset: Dataset) => ImageSet> = {
  'test against itself': (test) => test,
  'validation against test': (test, { validation }) => firstImages(validation, test.labels.length),
  'noise 0.02': ({ images, labels }) => ({ images: noisy(images, 0.02, 0), labels }),
  'noise 0.1': ({ images, labels }) => ({ images: noisy(images, 0.1, 1), labels }),
  blurred: ({ images, labels }, { info }) => ({ images: blurred(images, info), labels }),
  'class means': ({ labels }, { info, train }) => ({
    images: classMeans(labels, train, info.labels.length),
    labels,
  }),
  'shuffled labels': ({ images, labels }) => ({
    images,
    labels: Uint8Array.from(permutation(labels.length, 'self-test:labels'), (at) => labels[at]!),
  }),
};

/**
 * Scores every self-test with as many images as an evaluation has samples. Takes a minute for 10,000.
 *
 * @param dataset in evaluation order
 */
export async function measureBaseline(
  judge: ReferenceClassifier,
  dataset: Dataset,
  real: RealImages,
  samples: number,
  onChunk?: OnChunk,
): Promise<Baseline> {
  const test = firstImages(dataset.test, samples);
  const selfTests: Baseline['selfTests'] = {};
  for (const [name, make] of Object.entries(SELF_TESTS)) {
    selfTests[name] = scoreSet(await judge.classify(make(test, dataset), onChunk), real).scores;
  }
  const queries = firstImages(dataset.test, MEMORISATION_LIMIT).images;
  const pixels = dataset.test.images.length / dataset.test.count;
  const testToTraining = await nearestTrainingDistance(queries, dataset.train.images, pixels, onChunk);
  return {
    version: VERSION,
    classifier: judge.stored.digest,
    dataset: dataset.info.digest,
    samples,
    selfTests,
    testToTraining,
  };
}

/** The baselines of a shipped classifier, so that a first run need not measure them. */
export const shippedBaselinesFile = (dataset: string): string =>
  fileURLToPath(new URL(`../../../classifiers/${dataset}.baselines.json`, import.meta.url));

async function readBaselines(file: string): Promise<Baseline[]> {
  try {
    const read = z.array(z.unknown()).parse(JSON.parse(await readFile(file, 'utf8')));
    return read.flatMap((item) => Baseline.safeParse(item).data ?? []);
  } catch {
    return []; // If it is missing or damaged, the baselines are measured and written again.
  }
}

/**
 * The baseline of a dataset and its classifier: the shipped one, or one kept in `dataDir`, or else it is measured and
 * kept there.
 */
export async function baselineOf(
  judge: ReferenceClassifier,
  dataset: Dataset,
  real: RealImages,
  samples: number,
  { dataDir, onChunk }: { dataDir: string; onChunk?: OnChunk | undefined },
): Promise<Baseline> {
  const { id, digest } = dataset.info;
  const file = join(dataDir, 'evaluation', `${id}.baselines.json`);
  const known = [...(await readBaselines(shippedBaselinesFile(id))), ...(await readBaselines(file))];
  const found = known.find(
    (baseline) =>
      baseline.classifier === judge.stored.digest &&
      baseline.dataset === digest &&
      baseline.samples === samples,
  );
  if (found) return found;
  const measured = await measureBaseline(judge, dataset, real, samples, onChunk);
  await writeBaselines(file, [...(await readBaselines(file)), measured]);
  return measured;
}

/** Replaces the file atomically. */
export async function writeBaselines(file: string, baselines: Baseline[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(baselines, null, 2)}\n`);
  await rename(temporary, file);
}
