import type { TrainingConfig } from '../core/contracts/config.ts';
import { StylographError } from '../core/errors.ts';

/*
 * The layers of the three networks as plain data. Training, serving, the exported archive and the memory estimate all read
 * it, so this file must not import TensorFlow.
 */

export type NetworkName = 'encoder' | 'decoder' | 'discriminator';

/** Shape of one image's values: [height, width, channels], or [units]. */
export type Shape = readonly number[];

export const LEAKY_RELU_SLOPE = 0.3;
/** Keras's ε inside batch normalisation's square root. */
export const NORM_EPSILON = 1e-3;
export const NORM_MOMENTUM = 0.99;

/** One layer: label and upsampling in, product with the kernel, bias, normalisation, activation, dropout, pooling. */
export interface Layer {
  /** Prefix of its weights: `{name}/kernel`, `{name}/bias`, `{name}/beta`, … */
  name: string;
  /** Convolutions have `same` padding. An `activation` has no kernel: it normalises and activates its input. */
  kind: 'conv' | 'dense' | 'activation';
  /** Without the label. A dense layer flattens an image. */
  input: Shape;
  output: Shape;
  /** Kernel height × width × channels in × channels out, or units in × units out. */
  kernel: Shape;
  stride: 1 | 2;
  /** Labels that join the input: one-hot after a vector's values, constant planes after an image's channels; or 0. */
  labels: number;
  /** Nearest upsampling ×2 of the input. */
  upsample: boolean;
  /** Batch normalisation (momentum 0.99, no scale) before the activation. */
  normalized: boolean;
  activation: 'leaky-relu' | 'sigmoid' | 'linear';
  /** Where dropout is applied. */
  dropout: 'none' | 'output' | 'upsampled-input';
  /** 2×2 max pooling of stride 2. */
  pool: 'none' | 'before-activation' | 'after-activation';
}

type LayersOf<Name extends string> = Record<Name, Layer>;
/** Layers of one network, in the order of their weights. */
export type Layers = LayersOf<string>;

/** The three networks for one image size, label count and configuration. */
export interface Architecture {
  height: number;
  width: number;
  channels: number;
  labels: number;
  latentDim: number;
  batchNorm: boolean;
  spectralNorm: boolean;
  encoder: LayersOf<'conv1' | 'conv2' | 'hidden' | 'mean' | 'logVar'>;
  decoder: LayersOf<'hidden' | 'conv1' | 'conv2' | 'image'>;
  discriminator: LayersOf<'conv1' | 'conv2' | 'similarity' | 'activation' | 'head'>;
}

/** What the architecture depends on. */
interface ImageSize {
  width: number;
  height: number;
  channels: number;
  labels: readonly unknown[];
}

/**
 * The networks of the article, widths by configuration. They halve the image twice.
 *
 * @throws StylographError `validation_failed` when a side is not a multiple of 4
 */
export function architectureOf(image: ImageSize, config: TrainingConfig): Architecture {
  const { width, height, channels } = image;
  if (width % 4 !== 0 || height % 4 !== 0) {
    throw new StylographError(
      'validation_failed',
      `Images are ${width}×${height}; both sides must be multiples of 4. Resize or pad the dataset.`,
    );
  }
  const { latentDim, batchNorm, spectralNorm } = config;
  const size = { height, width, channels, labels: image.labels.length, latentDim, batchNorm, spectralNorm };
  return {
    ...size,
    encoder: encoderLayers(size, config.networks.encoder),
    decoder: decoderLayers(size, config.networks.decoder),
    discriminator: discriminatorLayers(size, config.networks.discriminator),
  };
}

type Size = Omit<Architecture, NetworkName>;
type Widths = TrainingConfig['networks'];

/** Enc(x, y) → μ, log σ². */
function encoderLayers(size: Size, [c1, c2, units]: Widths['encoder']): Architecture['encoder'] {
  const { height, width, channels, labels, latentDim } = size;
  const block = blockOf(size);
  const x = [height, width, channels];
  const conv1 = conv('encoder/conv1', x, 3, c1, { ...block, stride: 2, pool: 'after-activation' });
  const conv2 = conv('encoder/conv2', conv1.output, 3, c2, block);
  const hidden = dense('encoder/hidden', conv2.output, units, { ...block, labels });
  const mean = dense('encoder/mean', hidden.output, latentDim);
  const logVar = dense('encoder/log-var', hidden.output, latentDim);
  return { conv1, conv2, hidden, mean, logVar };
}

/** Dec(z, y) → x̃. */
function decoderLayers(size: Size, [planes, c1, c2]: Widths['decoder']): Architecture['decoder'] {
  const { height, width, channels, labels, latentDim } = size;
  const block = blockOf(size);
  const coarse = [height / 4, width / 4, planes];
  const hidden = dense('decoder/hidden', [latentDim], sizeOf(coarse), { ...block, labels });
  const conv1 = conv('decoder/conv1', coarse, 5, c1, { ...block, upsample: true });
  // LeakyReLU commutes with upsampling and dropout does not: dropout is applied to the fine grid.
  const conv2 = conv('decoder/conv2', conv1.output, 3, c2, { ...block, dropout: 'none' });
  const image = conv('decoder/image', conv2.output, 5, channels, {
    upsample: true,
    dropout: 'upsampled-input',
    activation: 'sigmoid',
  });
  return { hidden, conv1, conv2, image };
}

/**
 * Dis(x, y) → d and d_l. The side branch `similarity` reads the output of `conv2`; `activation` and `head` are a second
 * LeakyReLU and dropout of the same output, and the answer before its sigmoid.
 */
function discriminatorLayers(
  size: Size,
  [c1, c2, l]: Widths['discriminator'],
): Architecture['discriminator'] {
  const { height, width, channels, labels } = size;
  const block = blockOf(size);
  const x = [height, width, channels];
  const conv1 = conv('discriminator/conv1', x, 7, c1, { ...block, stride: 2, pool: 'before-activation' });
  const conv2 = conv('discriminator/conv2', conv1.output, 3, c2, {
    ...block,
    labels,
    pool: 'before-activation',
  });
  const similarity = conv('discriminator/similarity', conv2.output, 3, l);
  const activation: Layer = {
    ...PLAIN,
    ...block,
    name: 'discriminator/head',
    kind: 'activation',
    input: conv2.output,
    kernel: [],
    output: conv2.output,
  };
  const head = dense('discriminator/head', activation.output, 1);
  return { conv1, conv2, similarity, activation, head };
}

const PLAIN = {
  stride: 1,
  labels: 0,
  upsample: false,
  normalized: false,
  activation: 'linear',
  dropout: 'none',
  pool: 'none',
} as const;
type Options = Partial<Pick<Layer, keyof typeof PLAIN>>;

/** The article's block after a layer: LeakyReLU(0.3), then dropout, after batch normalisation when that is on. */
const blockOf = ({ batchNorm }: Size): Options => ({
  normalized: batchNorm,
  activation: 'leaky-relu',
  dropout: 'output',
});

/** A `same` convolution with a square kernel. */
function conv(name: string, input: Shape, side: number, channels: number, options: Options = {}): Layer {
  const [height, width, depth] = input as [number, number, number];
  const layer = { ...PLAIN, ...options };
  const scale = (layer.upsample ? 2 : 1) / (layer.stride * (layer.pool === 'none' ? 1 : 2));
  return {
    ...layer,
    name,
    kind: 'conv',
    input,
    kernel: [side, side, depth + layer.labels, channels],
    output: [Math.ceil(height * scale), Math.ceil(width * scale), channels],
  };
}

function dense(name: string, input: Shape, units: number, options: Options = {}): Layer {
  const layer = { ...PLAIN, ...options };
  const kernel = [sizeOf(input) + layer.labels, units];
  return { ...layer, name, kind: 'dense', input, kernel, output: [units] };
}

/** Number of values in a tensor of this shape. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, side) => product * side, 1);

/** A weight before it has values. Glorot-uniform kernels and zero biases are Keras's defaults. */
export interface WeightSpec {
  name: string;
  shape: number[];
  init: 'glorot-uniform' | 'zeros' | 'ones';
}

/** Kernel and bias of a convolution or dense layer. */
export function kernelAndBias({ name, kernel }: Pick<Layer, 'name' | 'kernel'>): WeightSpec[] {
  return [
    { name: `${name}/kernel`, shape: [...kernel], init: 'glorot-uniform' },
    { name: `${name}/bias`, shape: kernel.slice(-1), init: 'zeros' },
  ];
}

/** The weights that training moves. Batch normalisation has an offset and no scale. */
export function trainedSpecs(layers: Layers): WeightSpec[] {
  return Object.values(layers).flatMap((layer): WeightSpec[] => [
    ...(layer.kind === 'activation' ? [] : kernelAndBias(layer)),
    ...(layer.normalized
      ? [{ name: `${layer.name}/beta`, shape: layer.output.slice(-1), init: 'zeros' as const }]
      : []),
  ]);
}

/** The moving statistics of batch normalisation; empty without it. */
export function statisticsSpecs(layers: Layers): WeightSpec[] {
  return Object.values(layers)
    .filter(({ normalized }) => normalized)
    .flatMap(({ name, output }): WeightSpec[] => [
      { name: `${name}/moving-mean`, shape: output.slice(-1), init: 'zeros' },
      { name: `${name}/moving-variance`, shape: output.slice(-1), init: 'ones' },
    ]);
}

/** All weights that a served network consists of. */
export const servedSpecs = (layers: Layers): WeightSpec[] => [
  ...trainedSpecs(layers),
  ...statisticsSpecs(layers),
];

/** The networks that a configuration trains. The plain CVAE has no discriminator: none is created, stored or served. */
export function networksOf({ objective }: Pick<TrainingConfig, 'objective'>): NetworkName[] {
  return objective === 'cvae' ? ['encoder', 'decoder'] : ['encoder', 'decoder', 'discriminator'];
}

/** Values that the layers compute per image before pooling: what the gradients of one activation tensor need. */
export function activationValues(layers: Layers): number {
  return Object.values(layers).reduce(
    (sum, { output, pool }) => sum + sizeOf(output) * (pool === 'none' ? 1 : 4),
    0,
  );
}
