import { type Tensor2D, type Tensor4D, tf, upsampleConv5x5 } from '../engine/index.ts';
import {
  act,
  conv,
  dense,
  kernelAndBias,
  normalizationSpecs,
  type Pass,
  statisticsSpecs,
  upsample2x,
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
  const units = act(
    weights,
    'decoder/hidden',
    dense(weights, 'decoder/hidden', tf.concat2d([z, y], 1)),
    pass,
  );
  let h = units.reshape([z.shape[0], shape.height / 4, shape.width / 4, planes]) as Tensor4D;
  h = upsampleConv5x5(h, weight<Tensor4D>(weights, 'decoder/conv1/kernel')).add(
    weight(weights, 'decoder/conv1/bias'),
  );
  h = act(weights, 'decoder/conv1', h, pass);
  h = conv(weights, 'decoder/conv2', h);
  if (pass.dropout > 0 || pass.normalization === 'batch') {
    return conv(weights, 'decoder/image', act(weights, 'decoder/conv2', upsample2x(h), pass));
  }
  // Without dropout the activation does not care on which side of the upsampling it stands.
  h = act(weights, 'decoder/conv2', h, pass);
  h = upsampleConv5x5(h, weight<Tensor4D>(weights, 'decoder/image/kernel'));
  return h.add(weight(weights, 'decoder/image/bias'));
}

/** Dec(z, y) → x̃ in (0, 1). */
export function decode(weights: Weights, shape: ModelShape, z: Tensor2D, y: Tensor2D, pass: Pass): Tensor4D {
  return tf.sigmoid(decodeLogits(weights, shape, z, y, pass));
}
