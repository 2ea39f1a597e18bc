import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import type { SampleSheet } from '../../core/contracts/figures.ts';
import { manifoldGrid } from '../../core/contracts/manifold.ts';
import { type Batch, pick } from '../../data/batches.ts';
import { StepRandom, tf } from '../../engine/index.ts';
import { decode } from '../../model/decoder.ts';
import { encode } from '../../model/encoder.ts';
import { imageTensor, oneHot, toBytes } from '../../model/image-tensors.ts';
import { inferencePass } from '../../model/layers.ts';
import type { Networks } from '../../model/networks.ts';
import type { Weights } from '../../model/weights.ts';

/** Rows of the label sheet: every label from the same few latents, so that a row shares a style. */
const LABEL_ROWS = 8;
/** The most images on the label sheet, if one row has fewer: with many labels there are fewer rows. */
const LABEL_IMAGES = 400;
const RECONSTRUCTIONS = 10;
const SCATTER_POINTS = 500;
export const MANIFOLD_SIZE = 15;

/** The first images of a split, or of one label in it. @param pixels bytes per image */
export function firstImages(split: LabelledImages, count: number, pixels: number, label?: number): Batch {
  const positions: number[] = [];
  for (let i = 0; i < split.count && positions.length < count; i++) {
    if (label === undefined || split.labels[i] === label) positions.push(i);
  }
  return pick(split, positions, pixels);
}

/**
 * The pictures of the article's live view: every label from fixed latents, validation images with their reconstructions,
 * one label's manifold, and the scatter of its z means.
 *
 * @param ordinal number of the sample: each shows the next label
 */
export function* sampleSheets(
  networks: Networks,
  { validation }: Dataset,
  seed: number,
  ordinal: number,
): Generator<SampleSheet> {
  const { height, width, channels, labels, latentDim } = networks.architecture;
  const pixels = height * width * channels;

  const rows = Math.max(1, Math.min(LABEL_ROWS, Math.floor(LABEL_IMAGES / labels)));
  const count = rows * labels;
  yield { kind: 'labels', pixels: decodeBytes(networks, ...labelRows(networks, seed, rows)), count };

  const shown = firstImages(validation, RECONSTRUCTIONS, pixels);
  const reconstructions = decodeBytes(networks, encodeMeans(networks, shown), shown.labels);
  yield { kind: 'reconstructions', originals: shown.images, reconstructions, count: shown.labels.length };

  const label = ordinal % labels;
  const grid = manifoldGrid(MANIFOLD_SIZE, latentDim);
  const asked = new Uint8Array(MANIFOLD_SIZE ** 2).fill(label);
  yield { kind: 'manifold', label, size: MANIFOLD_SIZE, pixels: decodeBytes(networks, grid, asked) };

  if (latentDim < 2) return;
  const means = encodeMeans(networks, firstImages(validation, SCATTER_POINTS, pixels, label));
  yield { kind: 'scatter', label, points: firstTwo(means, latentDim) };
}

/** Latents and labels of the label sheet, row by row. */
function labelRows(
  { architecture: { labels, latentDim } }: Networks,
  seed: number,
  rows: number,
): [latents: Float32Array, labels: Uint8Array] {
  const drawn = new StepRandom(seed, 'samples', 0).normal([rows, latentDim]);
  const z = drawn.dataSync();
  drawn.dispose();
  const latents = new Float32Array(rows * labels * latentDim);
  for (let image = 0; image < rows * labels; image++) {
    const row = Math.floor(image / labels);
    latents.set(z.subarray(row * latentDim, (row + 1) * latentDim), image * latentDim);
  }
  return [latents, Uint8Array.from({ length: rows * labels }, (_, i) => i % labels)];
}

/** The weights that would be served: averages if kept, and the moving statistics of batch normalisation. */
function servedNetwork(networks: Networks, network: 'encoder' | 'decoder'): Weights {
  return new Map([...networks.trained[network], ...networks.averages, ...networks.statistics]);
}

/** Dec(z, y) as bytes, in one batch. @param latents n × latentDim */
function decodeBytes(networks: Networks, latents: Float32Array, labels: Uint8Array): Uint8Array {
  const { architecture } = networks;
  return tf.tidy(() => {
    const z = tf.tensor2d(latents, [labels.length, architecture.latentDim]);
    const y = oneHot(labels, architecture.labels);
    const pass = inferencePass(architecture.batchNorm);
    return toBytes(decode(servedNetwork(networks, 'decoder'), architecture, z, y, pass));
  });
}

/** μ of Enc(x, y), n × latentDim. */
function encodeMeans(networks: Networks, { images, labels }: Batch): Float32Array {
  const { architecture } = networks;
  const mu = tf.tidy(() => {
    const [x, y] = [imageTensor(images, architecture), oneHot(labels, architecture.labels)];
    const pass = inferencePass(architecture.batchNorm);
    return encode(servedNetwork(networks, 'encoder'), architecture, x, y, pass).mu;
  });
  const means = Float32Array.from(mu.dataSync());
  mu.dispose();
  return means;
}

/** The first two of the latent dimensions: n × latentDim → n × 2. */
export function firstTwo(latents: Float32Array, latentDim: number): Float32Array {
  return Float32Array.from(
    { length: (latents.length / latentDim) * 2 },
    (_, i) => latents[(i >> 1) * latentDim + (i & 1)]!,
  );
}
