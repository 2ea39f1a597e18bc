import type { Dataset } from '../../core/contracts/dataset.ts';
import type { FigureSheet } from '../../core/contracts/figures.ts';
import { manifoldGrid } from '../../core/contracts/manifold.ts';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { StepRandom } from '../../engine/index.ts';
import { architectureOf, servedSpecs } from '../../model/architecture.ts';
import { decodeImages } from '../../model/image-tensors.ts';
import { buildInferenceModel, type InferenceModel } from '../../model/inference.ts';
import { disposeWeights, importWeights } from '../../model/weights.ts';
import { firstImages, firstTwo, MANIFOLD_SIZE } from './sample-sheets.ts';

const RECONSTRUCTIONS = 10;
/** Rows of generated images, each image from its own latent. */
const LABEL_ROWS = 10;
/** The article shows ten sevens. */
const STYLE_IMAGES = 10;
const STYLE_LABEL = 7;
/** Test images of a label whose z means are shown. */
const SCATTER_POINTS = 500;

/** The most labels with films at MNIST's image size; fewer at larger sizes, because frames take more memory. */
const FILMED_LABELS = 32;
const FILMED_PIXELS = FILMED_LABELS * 28 * 28;
const LEAST_FILMED = 4;

/** How many labels, the first ones, have films. */
export const filmedLabels = ({ width, height, labels }: ModelRecord['image']): number =>
  Math.min(labels.length, Math.max(LEAST_FILMED, Math.floor(FILMED_PIXELS / (width * height))));

/** The arrays that the figures and films of a finished run are drawn from. */
export interface Drawings {
  /** One sheet per figure. */
  sheets(): AsyncGenerator<FigureSheet>;
  /** How many labels, the first ones, have films. */
  filmed: number;
  /**
   * Every filmed label's manifold by the decoder of a snapshot.
   * @returns filmed × grid² images as bytes, rows by the second latent dimension, columns by the first
   */
  frame(decoder: readonly NamedWeights[]): Uint8Array;
  dispose(): void;
}

export interface DrawingOptions {
  record: Pick<ModelRecord, 'image' | 'config'>;
  /** The weights that are published. */
  served: NamedWeights[];
  dataset: Dataset;
  /** The run's: it determines the latents of the figures. */
  seed: number;
}

/** Opens a finished run's model to draw from it. @throws checkpoint_corrupt when weights do not fit */
export async function openDrawings(options: DrawingOptions): Promise<Drawings> {
  const { record, served } = options;
  const { image, config } = record;
  const architecture = architectureOf(image, config);
  const model = await buildInferenceModel(record, served);
  const filmed = filmedLabels(image);
  const grid = repeatRows(manifoldGrid(config.figures.grid, config.latentDim), filmed);
  const labels = eachRepeated(filmed, config.figures.grid ** 2);
  return {
    filmed,
    sheets: () => sheetsOf(model, options),
    frame(decoder) {
      const weights = importWeights(servedSpecs(architecture.decoder), [...decoder]);
      try {
        return decodeImages(weights, architecture, grid, labels);
      } finally {
        disposeWeights(weights);
      }
    },
    dispose: () => model.dispose(),
  };
}

async function* sheetsOf(
  model: InferenceModel,
  { record: { image, config }, dataset: { test }, seed }: DrawingOptions,
): AsyncGenerator<FigureSheet> {
  const { latentDim } = config;
  const labels = image.labels.length;
  const first = (count: number, label?: number) => {
    const pixels = image.width * image.height * image.channels;
    const batch = firstImages(test, count, pixels, label);
    return { images: batch.images, labels: Int32Array.from(batch.labels) };
  };
  let draws = 0;
  const normal = (count: number): Float32Array => {
    const drawn = new StepRandom(seed, 'figures', draws++).normal([count, latentDim]);
    const values = Float32Array.from(drawn.dataSync());
    drawn.dispose();
    return values;
  };

  const shown = first(RECONSTRUCTIONS);
  const count = shown.labels.length;
  if (count > 0) {
    const z = sampled(model.encode(shown.images, shown.labels), normal(count));
    const reconstructions = model.decode(z, shown.labels);
    yield { kind: 'reconstructions', originals: shown.images, reconstructions, count };
  }

  const asked = Int32Array.from({ length: LABEL_ROWS * labels }, (_, i) => i % labels);
  yield { kind: 'labels', pixels: model.decode(normal(asked.length), asked), count: asked.length };

  const label = Math.min(STYLE_LABEL, labels - 1);
  const { images: originals, labels: own } = first(STYLE_IMAGES, label);
  const columns = own.length;
  if (columns > 0) {
    const z = repeatRows(model.encode(originals, own).mean, labels);
    const pixels = model.decode(z, eachRepeated(labels, columns));
    yield { kind: 'style-transfer', label, originals, pixels, columns };
  }

  const grid = manifoldGrid(MANIFOLD_SIZE, latentDim);
  for (let label = 0; label < labels; label++) {
    const asked = new Int32Array(MANIFOLD_SIZE ** 2).fill(label);
    yield { kind: 'manifold', label, size: MANIFOLD_SIZE, pixels: model.decode(grid, asked) };
  }

  if (latentDim < 2) return;
  const groups = image.labels.map((_, label) => {
    const of = first(SCATTER_POINTS, label);
    return firstTwo(model.encode(of.images, of.labels).mean, latentDim);
  });
  for (const [label, points] of groups.entries()) yield { kind: 'scatter', label, points };
  yield { kind: 'scatter-all', groups };
}

/** z = μ + exp(clip(log σ² / 2, −2, 2)) · ε, as the article samples. */
function sampled(
  { mean, logVar }: { mean: Float32Array; logVar: Float32Array },
  noise: Float32Array,
): Float32Array {
  return mean.map((mu, i) => mu + Math.exp(Math.min(2, Math.max(-2, logVar[i]! / 2))) * noise[i]!);
}

function repeatRows(rows: Float32Array, times: number): Float32Array {
  const repeated = new Float32Array(rows.length * times);
  for (let copy = 0; copy < times; copy++) repeated.set(rows, copy * rows.length);
  return repeated;
}

/** 0, 0, … 1, 1, …: each of `labels` as many times as `times`. */
const eachRepeated = (labels: number, times: number): Int32Array =>
  Int32Array.from({ length: labels * times }, (_, i) => Math.floor(i / times));
