import {
  type Activation,
  biasActivation,
  conv3x3,
  matMul,
  poolBiasActivation,
  type StepRandom,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from '../engine/index.ts';
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

const kernelOf = (weights: Weights, layer: string): Tensor4D => weight<Tensor4D>(weights, `${layer}/kernel`);
const biasOf = (weights: Weights, layer: string): Tensor1D => weight<Tensor1D>(weights, `${layer}/bias`);

/** `same` 3×3 convolution without its bias. x: B × H × W × C → B × H × W × D. */
export function convolve(weights: Weights, layer: string, x: Tensor4D, stride: 1 | 2 = 1): Tensor4D {
  const kernel = kernelOf(weights, layer);
  return stride === 1 ? conv3x3(x, kernel) : tf.conv2d(x, kernel, stride, 'same');
}

/** `same` 3×3 convolution with bias. x: B × H × W × C → B × H × W × D. */
export function conv(weights: Weights, layer: string, x: Tensor4D, stride: 1 | 2 = 1): Tensor4D {
  return addBias(weights, layer, convolve(weights, layer, x, stride));
}

export function addBias<T extends Tensor>(weights: Weights, layer: string, x: T): T {
  return tf.add(x, biasOf(weights, layer)) as T;
}

/** x: B × N → B × M, without bias. */
export function multiply(weights: Weights, layer: string, x: Tensor2D): Tensor2D {
  return matMul(x, weight<Tensor2D>(weights, `${layer}/kernel`));
}

/** x: B × N → B × M. */
export function dense(weights: Weights, layer: string, x: Tensor2D): Tensor2D {
  return addBias(weights, layer, multiply(weights, layer, x));
}

/** LeakyReLU(0.3) and the pass's dropout. */
export const activation = ({ dropout: rate, random }: Pass): Activation => ({
  slope: LEAKY_RELU_SLOPE,
  rate,
  random,
});

/** The article's block after a layer: batch normalisation where it is on, LeakyReLU(0.3), dropout. Any shape. */
export function act<T extends Tensor>(weights: Weights, layer: string, x: T, pass: Pass): T {
  return biasActivation(
    normalize(weights, layer, x, pass) as T,
    tf.zeros([x.shape.at(-1)!]),
    activation(pass),
  );
}

/** The layer's bias, and then the block. Any shape. */
export function biasAct<T extends Tensor>(weights: Weights, layer: string, x: T, pass: Pass): T {
  if (pass.normalization !== 'off') return act(weights, layer, addBias(weights, layer, x), pass);
  return biasActivation(x, biasOf(weights, layer), activation(pass));
}

/** The layer's bias, max pooling 2×2, and then the block. B × H × W × C → B × ⌈H/2⌉ × ⌈W/2⌉ × C */
export function poolAct(weights: Weights, layer: string, x: Tensor4D, pass: Pass): Tensor4D {
  if (pass.normalization !== 'off') return act(weights, layer, poolBias(weights, layer, x), pass);
  return poolBiasActivation(x, biasOf(weights, layer), activation(pass));
}

/** The layer's bias and max pooling 2×2, which may change places. */
export function poolBias(weights: Weights, layer: string, x: Tensor4D): Tensor4D {
  return poolBiasActivation(x, biasOf(weights, layer), { slope: 1, rate: 0 });
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
