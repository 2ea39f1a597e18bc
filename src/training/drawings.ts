import type { Dataset, LabelledImages } from '../core/contracts/dataset.ts';
import type { FigureSheet } from '../core/contracts/figures.ts';
import { manifoldGrid } from '../core/contracts/manifold.ts';
import type { ModelRecord, NamedWeights } from '../core/contracts/model.ts';
import { pick } from '../data/batches.ts';
import { StepRandom } from '../engine/index.ts';
import { decoderSpecs, decoderStatistics } from '../model/decoder.ts';
import { buildInferenceModel, type InferenceModel } from '../model/inference.ts';
import { decodeImages } from '../model/pixels.ts';
import { modelShape } from '../model/shape.ts';
import { disposeWeights, importWeights } from '../model/weights.ts';
import { MANIFOLD_SIZE } from './samples.ts';

const RECONSTRUCTIONS = 10;
/** Rows of generated images; every one has a latent of its own. */
const LABEL_ROWS = 10;
/** The article shows ten sevens. */
const STYLE_SOURCES = 10;
const STYLE_LABEL = 7;
/** Test images of a label whose z means are shown. */
const SCATTER_POINTS = 500;

/** Films of that many labels at MNIST's size are drawn; of larger images fewer, since a film's frames cost what they hold. */
const FILMED_LABELS = 32;
const FILMED_PIXELS = FILMED_LABELS * 28 * 28;
const LEAST_FILMED = 4;

/** How many labels, the first ones, have films. */
export const filmedLabels = ({ width, height, labels }: ModelRecord['image']): number =>
  Math.min(labels.length, Math.max(LEAST_FILMED, Math.floor(FILMED_PIXELS / (width * height))));

/** What the figures and films of a finished run are drawn from. */
export interface Drawings {
  /** The figures' arrays, one sheet at a time. */
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
  /** The run's: latents of the figures follow from it. */
  seed: number;
}

/** Opens a finished run's model to draw from it. @throws checkpoint_corrupt where weights do not fit */
export async function openDrawings(options: DrawingOptions): Promise<Drawings> {
  const { record, served } = options;
  const { image, config } = record;
  const shape = modelShape(image, config);
  const model = await buildInferenceModel(record, served);
  const filmed = filmedLabels(image);
  const grid = repeatRows(manifoldGrid(config.figures.grid, config.latentDim), filmed);
  const asked = eachRepeated(filmed, config.figures.grid ** 2);
  return {
    filmed,
    sheets: () => sheetsOf(model, options),
    frame(decoder) {
      const weights = importWeights([...decoderSpecs(shape), ...decoderStatistics(shape)], [...decoder]);
      try {
        return decodeImages(weights, shape, grid, asked);
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
  const pixels = image.width * image.height * image.channels;
  const labels = image.labels.length;
  const byLabel = image.labels.map((_, label) => positionsOf(test, label));
  let draws = 0;
  const normal = (count: number): Float32Array => {
    const drawn = new StepRandom(seed, 'figures', draws++).normal([count, config.latentDim]);
    const values = Float32Array.from(drawn.dataSync());
    drawn.dispose();
    return values;
  };
  const take = (positions: readonly number[]) => {
    const { images, labels: theirs } = pick(test, positions, pixels);
    return { images, labels: Int32Array.from(theirs) };
  };

  const first = take([...test.labels.keys()].slice(0, RECONSTRUCTIONS));
  const count = first.labels.length;
  if (count > 0) {
    const posterior = await model.encode(first.images, first.labels);
    const z = sampled(posterior, normal(count));
    const reconstructions = await model.decode(z, first.labels);
    yield { kind: 'reconstructions', originals: first.images, reconstructions, count };
  }

  const shown = LABEL_ROWS * labels;
  const asked = Int32Array.from({ length: shown }, (_, i) => i % labels);
  yield { kind: 'labels', pixels: await model.decode(normal(shown), asked), count: shown };

  const sourceLabel = Math.min(STYLE_LABEL, labels - 1);
  const sources = take(byLabel[sourceLabel]!.slice(0, STYLE_SOURCES));
  const columns = sources.labels.length;
  if (columns > 0) {
    const { mean } = await model.encode(sources.images, sources.labels);
    const z = repeatRows(mean, labels);
    const pixels = await model.decode(z, eachRepeated(labels, columns));
    yield { kind: 'style-transfer', label: sourceLabel, originals: sources.images, pixels, columns };
  }

  const grid = manifoldGrid(MANIFOLD_SIZE, config.latentDim);
  for (let label = 0; label < labels; label++) {
    const asked = new Int32Array(MANIFOLD_SIZE ** 2).fill(label);
    yield { kind: 'manifold', label, size: MANIFOLD_SIZE, pixels: await model.decode(grid, asked) };
  }

  if (config.latentDim < 2) return;
  const groups: Float32Array[] = [];
  for (const positions of byLabel) {
    const some = take(positions.slice(0, SCATTER_POINTS));
    const { mean } = await model.encode(some.images, some.labels);
    groups.push(firstTwo(mean, config.latentDim));
  }
  for (const [label, points] of groups.entries()) yield { kind: 'scatter', label, points };
  yield { kind: 'scatter-all', groups };
}

function positionsOf(split: LabelledImages, label: number): number[] {
  const positions: number[] = [];
  for (let at = 0; at < split.count; at++) if (split.labels[at] === label) positions.push(at);
  return positions;
}

/** z = μ + exp(clip(log σ² / 2, −2, 2)) · ε, as the article samples. */
function sampled(
  { mean, logVar }: { mean: Float32Array; logVar: Float32Array },
  noise: Float32Array,
): Float32Array {
  return mean.map((mu, i) => mu + Math.exp(Math.min(2, Math.max(-2, logVar[i]! / 2))) * noise[i]!);
}

function firstTwo(mean: Float32Array, latentDim: number): Float32Array {
  const points = new Float32Array((mean.length / latentDim) * 2);
  for (let at = 0; at < points.length; at += 2) {
    points[at] = mean[(at / 2) * latentDim]!;
    points[at + 1] = mean[(at / 2) * latentDim + 1]!;
  }
  return points;
}

function repeatRows(rows: Float32Array, times: number): Float32Array {
  const repeated = new Float32Array(rows.length * times);
  for (let copy = 0; copy < times; copy++) repeated.set(rows, copy * rows.length);
  return repeated;
}

/** 0, 0, … 1, 1, …: each of `labels` as often as asked. */
const eachRepeated = (labels: number, times: number): Int32Array =>
  Int32Array.from({ length: labels * times }, (_, i) => Math.floor(i / times));
