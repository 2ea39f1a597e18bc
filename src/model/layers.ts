import { type StepRandom, type Tensor, type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';
import type { WeightSpec, Weights } from './weights.ts';

/** How a network is run. */
export interface Pass {
  /** Dropout rate; 0 turns it off. */
  dropout: number;
  /** Source of the dropout masks; needed when `dropout` is above 0. */
  random?: StepRandom;
  /** `batch`: normalise by the batch's own statistics and report them; `moving`: by the stored averages; `off`: not at all. */
  normalization: 'off' | 'batch' | 'moving';
  /** Receives the batch statistics of each normalised layer. */
  observe?: (layer: string, mean: Tensor, variance: Tensor) => void;
}

/** Everything deterministic: what serving, figures and the fixtures use. */
export const inferencePass = (batchNorm: boolean): Pass => ({
  dropout: 0,
  normalization: batchNorm ? 'moving' : 'off',
});

export const LEAKY_RELU_SLOPE = 0.3;
/** Keras's ε inside batch normalisation's square root. */
export const NORM_EPSILON = 1e-3;
export const NORM_MOMENTUM = 0.99;

/** Specifications of a convolution's or dense layer's kernel and bias. */
export function kernelAndBias(name: string, kernel: number[]): WeightSpec[] {
  return [
    { name: `${name}/kernel`, shape: kernel, init: 'glorot-uniform' },
    { name: `${name}/bias`, shape: kernel.slice(-1), init: 'zeros' },
  ];
}

/** Batch normalisation has an offset and no scale; its moving statistics are not trained. */
export function normalizationSpecs(layer: string, channels: number, batchNorm: boolean): WeightSpec[] {
  return batchNorm ? [{ name: `${layer}/beta`, shape: [channels], init: 'zeros' }] : [];
}
export function statisticsSpecs(layer: string, channels: number, batchNorm: boolean): WeightSpec[] {
  if (!batchNorm) return [];
  return [
    { name: `${layer}/moving-mean`, shape: [channels], init: 'zeros' },
    { name: `${layer}/moving-variance`, shape: [channels], init: 'ones' },
  ];
}

export function weight<T extends Tensor = Tensor>(weights: Weights, name: string): T {
  const tensor = weights.get(name);
  if (!tensor) throw new Error(`No weight is called ${name}`);
  return tensor as T;
}

/** `same` convolution with bias. x: B × H × W × C → B × H × W × D. */
export function conv(weights: Weights, layer: string, x: Tensor4D, stride: 1 | 2 = 1): Tensor4D {
  const filtered = tf.conv2d(x, weight<Tensor4D>(weights, `${layer}/kernel`), stride, 'same');
  return addBias(weights, layer, filtered);
}

export function addBias(weights: Weights, layer: string, x: Tensor4D): Tensor4D {
  return tf.add(x, weight(weights, `${layer}/bias`));
}

/** x: B × N → B × M. */
export function dense(weights: Weights, layer: string, x: Tensor2D): Tensor2D {
  return tf.add(
    tf.matMul(x, weight<Tensor2D>(weights, `${layer}/kernel`)),
    weight(weights, `${layer}/bias`),
  ) as Tensor2D;
}

export function maxPool2x2(x: Tensor4D): Tensor4D {
  return tf.maxPool(x, 2, 2, 'same');
}

/** Batch normalisation where it is on, then LeakyReLU(0.3). Any shape. */
export function activate<T extends Tensor>(weights: Weights, layer: string, x: T, pass: Pass): T {
  return tf.leakyRelu(normalize(weights, layer, x, pass), LEAKY_RELU_SLOPE) as T;
}

/** Drops elements at the pass's rate and scales the kept ones up. Any shape. */
export function dropout<T extends Tensor>(x: T, { dropout: rate, random }: Pass): T {
  if (rate === 0) return x;
  if (!random) throw new Error('Dropout needs a random stream');
  return x.mul(random.dropoutMask(x.shape, rate));
}

/** The article's block after a layer: batch normalisation where it is on, LeakyReLU(0.3), dropout. Any shape. */
export function act<T extends Tensor>(weights: Weights, layer: string, x: T, pass: Pass): T {
  return dropout(activate(weights, layer, x, pass), pass);
}

function normalize(weights: Weights, layer: string, x: Tensor, pass: Pass): Tensor {
  if (pass.normalization === 'off') return x;
  let mean: Tensor;
  let variance: Tensor;
  if (pass.normalization === 'moving') {
    mean = weight(weights, `${layer}/moving-mean`);
    variance = weight(weights, `${layer}/moving-variance`);
  } else {
    const axes = x.shape.map((_, axis) => axis).slice(0, -1);
    ({ mean, variance } = tf.moments(x, axes));
    pass.observe?.(layer, mean, variance);
  }
  return x
    .sub(mean)
    .div(variance.add(NORM_EPSILON).sqrt())
    .add(weight(weights, `${layer}/beta`));
}
