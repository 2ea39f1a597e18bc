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
import { type Layer, LEAKY_RELU_SLOPE, NORM_EPSILON } from './architecture.ts';
import type { Weights } from './weights.ts';

/** How a network is run. */
export interface Pass {
  /** Dropout rate; 0 turns it off. */
  dropout: number;
  /** Random stream of the dropout masks; needed when `dropout` is above 0. */
  random?: StepRandom;
  /** `batch`: normalise by the batch's own statistics and report them; `moving`: by the stored averages; `off`: not at all. */
  normalization: 'off' | 'batch' | 'moving';
  /** Receives the batch statistics of each normalised layer. */
  observe?: (layer: string, mean: Tensor, variance: Tensor) => void;
}

/** No dropout and stored statistics: for serving, figures and reference results. */
export const inferencePass = (batchNorm: boolean): Pass => ({
  dropout: 0,
  normalization: batchNorm ? 'moving' : 'off',
});

/** A layer as far as its weights are concerned. */
type Named = Pick<Layer, 'name'>;

export function weight<T extends Tensor = Tensor>(weights: Weights, name: string): T {
  const tensor = weights.get(name);
  if (!tensor) throw new Error(`No weight is called ${name}`);
  return tensor as T;
}

export const kernelOf = (weights: Weights, { name }: Named): Tensor4D =>
  weight<Tensor4D>(weights, `${name}/kernel`);
export const biasOf = (weights: Weights, { name }: Named): Tensor1D =>
  weight<Tensor1D>(weights, `${name}/bias`);

/** `same` 3×3 convolution without its bias. x: B × H × W × C → B × H' × W' × D. */
export function convolve(weights: Weights, layer: Pick<Layer, 'name' | 'stride'>, x: Tensor4D): Tensor4D {
  const kernel = kernelOf(weights, layer);
  return layer.stride === 1 ? conv3x3(x, kernel) : tf.conv2d(x, kernel, layer.stride, 'same');
}

/** `same` 3×3 convolution of stride 1 with bias. x: B × H × W × C → B × H × W × D. */
export function conv(weights: Weights, { name }: Named, x: Tensor4D): Tensor4D {
  return addBias(weights, { name }, convolve(weights, { name, stride: 1 }, x));
}

export function addBias<T extends Tensor>(weights: Weights, layer: Named, x: T): T {
  return tf.add(x, biasOf(weights, layer)) as T;
}

/** x: B × N → B × M, without bias. */
export function multiply(weights: Weights, { name }: Named, x: Tensor2D): Tensor2D {
  return matMul(x, weight<Tensor2D>(weights, `${name}/kernel`));
}

/** x: B × N → B × M. */
export function dense(weights: Weights, layer: Named, x: Tensor2D): Tensor2D {
  return addBias(weights, layer, multiply(weights, layer, x));
}

/** LeakyReLU(0.3), and the pass's dropout where the layer has it on its output. */
export const activationOf = ({ dropout }: Layer, { dropout: rate, random }: Pass): Activation => ({
  slope: LEAKY_RELU_SLOPE,
  rate: dropout === 'output' ? rate : 0,
  random,
});

/** The article's block after a layer: batch normalisation if on, LeakyReLU(0.3), dropout. Any shape. */
export function act<T extends Tensor>(weights: Weights, layer: Layer, x: T, pass: Pass): T {
  return biasActivation(
    normalize(weights, layer, x, pass) as T,
    tf.zeros([x.shape.at(-1)!]),
    activationOf(layer, pass),
  );
}

/** The layer's bias, then the block. Any shape. */
export function biasAct<T extends Tensor>(weights: Weights, layer: Layer, x: T, pass: Pass): T {
  if (pass.normalization !== 'off') return act(weights, layer, addBias(weights, layer, x), pass);
  return biasActivation(x, biasOf(weights, layer), activationOf(layer, pass));
}

/** The layer's bias, 2×2 max pooling, then the block. B × H × W × C → B × ⌈H/2⌉ × ⌈W/2⌉ × C */
export function poolAct(weights: Weights, layer: Layer, x: Tensor4D, pass: Pass): Tensor4D {
  if (pass.normalization !== 'off') return act(weights, layer, poolBias(weights, layer, x), pass);
  return poolBiasActivation(x, biasOf(weights, layer), activationOf(layer, pass));
}

/** The layer's bias and 2×2 max pooling, in either order: they commute. */
export function poolBias(weights: Weights, layer: Named, x: Tensor4D): Tensor4D {
  return poolBiasActivation(x, biasOf(weights, layer), { slope: 1, rate: 0 });
}

/** (x − mean) / √(variance + ε) + β, per channel. */
function normalize(weights: Weights, { name }: Named, x: Tensor, pass: Pass): Tensor {
  if (pass.normalization === 'off') return x;
  let mean: Tensor;
  let variance: Tensor;
  if (pass.normalization === 'moving') {
    mean = weight(weights, `${name}/moving-mean`);
    variance = weight(weights, `${name}/moving-variance`);
  } else {
    const axes = x.shape.map((_, axis) => axis).slice(0, -1);
    ({ mean, variance } = tf.moments(x, axes));
    pass.observe?.(name, mean, variance);
  }
  return x
    .sub(mean)
    .div(variance.add(NORM_EPSILON).sqrt())
    .add(weight(weights, `${name}/beta`));
}
