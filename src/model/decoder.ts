import {
  type Tensor2D,
  type Tensor4D,
  tf,
  upsampleConv5x5,
  upsampleDropoutConv5x5,
} from '../engine/index.ts';
import {
  addBias,
  biasAct,
  convolve,
  kernelAndBias,
  multiply,
  normalizationSpecs,
  type Pass,
  statisticsSpecs,
  weight,
} from './layers.ts';
import type { ModelShape } from './shape.ts';
import type { WeightSpec, Weights } from './weights.ts';

/** Dec(z, y): what the trained weights of the decoder are, in order. */
export function decoderSpecs(shape: ModelShape): WeightSpec[] {
  const [planes, c1, c2] = shape.widths.decoder;
  const units = (shape.height / 4) * (shape.width / 4) * planes;
  return [
    ...kernelAndBias('decoder/hidden', [shape.latentDim + shape.labels, units]),
    ...normalizationSpecs('decoder/hidden', units, shape.batchNorm),
    ...kernelAndBias('decoder/conv1', [5, 5, planes, c1]),
    ...normalizationSpecs('decoder/conv1', c1, shape.batchNorm),
    ...kernelAndBias('decoder/conv2', [3, 3, c1, c2]),
    ...normalizationSpecs('decoder/conv2', c2, shape.batchNorm),
    ...kernelAndBias('decoder/image', [5, 5, c2, shape.channels]),
  ];
}

/** The moving statistics of its batch normalisation; empty without it. */
export function decoderStatistics(shape: ModelShape): WeightSpec[] {
  const [planes, c1, c2] = shape.widths.decoder;
  const units = (shape.height / 4) * (shape.width / 4) * planes;
  return [
    ...statisticsSpecs('decoder/hidden', units, shape.batchNorm),
    ...statisticsSpecs('decoder/conv1', c1, shape.batchNorm),
    ...statisticsSpecs('decoder/conv2', c2, shape.batchNorm),
  ];
}

/**
 * Dec(z, y) → x̃, before the last sigmoid: cross-entropies want the logits.
 *
 * @param z B × latentDim
 * @param y B × labels, one-hot
 * @returns B × H × W × C logits
 */
export function decodeLogits(
  weights: Weights,
  shape: ModelShape,
  z: Tensor2D,
  y: Tensor2D,
  pass: Pass,
): Tensor4D {
  const [planes] = shape.widths.decoder;
  const kernel = (layer: string): Tensor4D => weight<Tensor4D>(weights, `${layer}/kernel`);
  const code = tf.concat2d([z, y], 1);
  const units = biasAct(weights, 'decoder/hidden', multiply(weights, 'decoder/hidden', code), pass);
  let h = units.reshape([z.shape[0], shape.height / 4, shape.width / 4, planes]) as Tensor4D;
  h = biasAct(weights, 'decoder/conv1', upsampleConv5x5(h, kernel('decoder/conv1')), pass);
  // The activation does not care on which side of the upsampling it stands; dropout does, and stays after it.
  h = biasAct(weights, 'decoder/conv2', convolve(weights, 'decoder/conv2', h), { ...pass, dropout: 0 });
  const image = upsampleDropoutConv5x5(h, kernel('decoder/image'), {
    rate: pass.dropout,
    random: pass.random,
  });
  return addBias(weights, 'decoder/image', image);
}

/** Dec(z, y) → x̃ in (0, 1). */
export function decode(weights: Weights, shape: ModelShape, z: Tensor2D, y: Tensor2D, pass: Pass): Tensor4D {
  return tf.sigmoid(decodeLogits(weights, shape, z, y, pass));
}
