import type { Dataset, LabelledImages } from '../core/contracts/dataset.ts';
import type { SampleSheet } from '../core/contracts/figures.ts';
import { manifoldGrid } from '../core/contracts/manifold.ts';
import { StepRandom, type Tensor2D, tf } from '../engine/index.ts';
import { decode } from '../model/decoder.ts';
import { encode } from '../model/encoder.ts';
import { inferencePass } from '../model/layers.ts';
import type { Networks } from '../model/networks.ts';
import { imageTensor, oneHot, toBytes } from '../model/pixels.ts';
import type { ModelShape } from '../model/shape.ts';
import type { Weights } from '../model/weights.ts';

/** Rows of the label sheet: every label from the same few latents, so that a row shares a style. Fewer of many labels. */
const LABEL_ROWS = 8;
const LABEL_IMAGES = 400;
const RECONSTRUCTIONS = 10;
const SCATTER_POINTS = 500;
export const MANIFOLD_SIZE = 15;

/** The weights that are served: averages where they are kept, with the moving statistics of batch normalisation. */
function servedNetwork(networks: Networks, network: 'encoder' | 'decoder'): Weights {
  return new Map([...networks.trained[network], ...networks.averages, ...networks.statistics]);
}

function decodeBytes(networks: Networks, shape: ModelShape, latents: Tensor2D, labels: number[]): Uint8Array {
  return tf.tidy(() => {
    const y = oneHot(labels, shape.labels);
    return toBytes(
      decode(servedNetwork(networks, 'decoder'), shape, latents, y, inferencePass(shape.batchNorm)),
    );
  });
}

function encodeMeans(
  networks: Networks,
  shape: ModelShape,
  images: Uint8Array,
  labels: ArrayLike<number>,
): Tensor2D {
  const pass = inferencePass(shape.batchNorm);
  return encode(
    servedNetwork(networks, 'encoder'),
    imageTensor(images, shape),
    oneHot(labels, shape.labels),
    pass,
  ).mu;
}

function firstImages(
  split: LabelledImages,
  count: number,
  pixels: number,
  label?: number,
): { images: Uint8Array; labels: number[] } {
  const chosen: number[] = [];
  for (let i = 0; i < split.count && chosen.length < count; i++) {
    if (label === undefined || split.labels[i] === label) chosen.push(i);
  }
  const images = new Uint8Array(chosen.length * pixels);
  chosen.forEach((index, i) => {
    images.set(split.images.subarray(index * pixels, (index + 1) * pixels), i * pixels);
  });
  return { images, labels: chosen.map((index) => split.labels[index]!) };
}

/**
 * The pictures of the article's live view: every label from fixed latents, validation images above their
 * reconstructions, one label's manifold and the scatter of its z means. The label changes from sheet to sheet.
 */
export function* drawSamples(
  networks: Networks,
  dataset: Dataset,
  seed: number,
  ordinal: number,
): Generator<SampleSheet> {
  const { shape } = networks;
  const pixels = shape.height * shape.width * shape.channels;
  const labels = shape.labels;
  const rows = Math.max(1, Math.min(LABEL_ROWS, Math.floor(LABEL_IMAGES / labels)));

  yield tf.tidy((): SampleSheet => {
    const z = new StepRandom(seed, 'samples', 0).normal([rows, shape.latentDim]);
    const latents = tf
      .tile(z.expandDims(1), [1, labels, 1])
      .reshape([rows * labels, shape.latentDim]) as Tensor2D;
    const asked = Array.from({ length: rows * labels }, (_, i) => i % labels);
    return {
      kind: 'labels',
      pixels: decodeBytes(networks, shape, latents, asked),
      count: rows * labels,
    };
  }) as unknown as SampleSheet;

  yield tf.tidy((): SampleSheet => {
    const originals = firstImages(dataset.validation, RECONSTRUCTIONS, pixels);
    const mu = encodeMeans(networks, shape, originals.images, originals.labels);
    return {
      kind: 'reconstructions',
      originals: originals.images,
      reconstructions: decodeBytes(networks, shape, mu, originals.labels),
      count: originals.labels.length,
    };
  }) as unknown as SampleSheet;

  const label = ordinal % labels;
  yield tf.tidy((): SampleSheet => {
    const latents = tf.tensor2d(manifoldGrid(MANIFOLD_SIZE, shape.latentDim), [
      MANIFOLD_SIZE ** 2,
      shape.latentDim,
    ]);
    const asked = new Array<number>(MANIFOLD_SIZE ** 2).fill(label);
    return {
      kind: 'manifold',
      label,
      size: MANIFOLD_SIZE,
      pixels: decodeBytes(networks, shape, latents, asked),
    };
  }) as unknown as SampleSheet;

  if (shape.latentDim < 2) return;
  yield tf.tidy((): SampleSheet => {
    const shown = firstImages(dataset.validation, SCATTER_POINTS, pixels, label);
    const mu = encodeMeans(networks, shape, shown.images, shown.labels);
    const points = Float32Array.from(mu.slice([0, 0], [-1, 2]).dataSync());
    return { kind: 'scatter', label, points };
  }) as unknown as SampleSheet;
}
