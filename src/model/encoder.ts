import { maxPool2x2, type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';
import {
  biasAct,
  convolve,
  dense,
  kernelAndBias,
  multiply,
  normalizationSpecs,
  type Pass,
  statisticsSpecs,
} from './layers.ts';
import type { ModelShape } from './shape.ts';
import type { WeightSpec, Weights } from './weights.ts';

/** Enc(x, y): what the trained weights of the encoder are, in order. */
export function encoderSpecs(shape: ModelShape): WeightSpec[] {
  const [c1, c2, d] = shape.widths.encoder;
  const flat = (shape.height / 4) * (shape.width / 4) * c2;
  return [
    ...kernelAndBias('encoder/conv1', [3, 3, shape.channels, c1]),
    ...normalizationSpecs('encoder/conv1', c1, shape.batchNorm),
    ...kernelAndBias('encoder/conv2', [3, 3, c1, c2]),
    ...normalizationSpecs('encoder/conv2', c2, shape.batchNorm),
    ...kernelAndBias('encoder/hidden', [flat + shape.labels, d]),
    ...normalizationSpecs('encoder/hidden', d, shape.batchNorm),
    ...kernelAndBias('encoder/mean', [d, shape.latentDim]),
    ...kernelAndBias('encoder/log-var', [d, shape.latentDim]),
  ];
}

/** The moving statistics of its batch normalisation; empty without it. */
export function encoderStatistics(shape: ModelShape): WeightSpec[] {
  const [c1, c2, d] = shape.widths.encoder;
  return [
    ...statisticsSpecs('encoder/conv1', c1, shape.batchNorm),
    ...statisticsSpecs('encoder/conv2', c2, shape.batchNorm),
    ...statisticsSpecs('encoder/hidden', d, shape.batchNorm),
  ];
}

/**
 * Enc(x, y) → μ, log σ².
 *
 * @param x B × H × W × C in [0, 1]
 * @param y B × labels, one-hot
 * @returns `mu` and `logVar`, each B × latentDim
 */
export function encode(
  weights: Weights,
  x: Tensor4D,
  y: Tensor2D,
  pass: Pass,
): { mu: Tensor2D; logVar: Tensor2D } {
  let h = biasAct(weights, 'encoder/conv1', convolve(weights, 'encoder/conv1', x, 2), pass);
  h = maxPool2x2(h);
  h = biasAct(weights, 'encoder/conv2', convolve(weights, 'encoder/conv2', h), pass);
  const flat = tf.concat2d([h.reshape([x.shape[0], -1]) as Tensor2D, y], 1);
  const hidden = biasAct(weights, 'encoder/hidden', multiply(weights, 'encoder/hidden', flat), pass);
  return { mu: dense(weights, 'encoder/mean', hidden), logVar: dense(weights, 'encoder/log-var', hidden) };
}
