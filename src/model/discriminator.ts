import type { TrainingConfig } from '../core/contracts/config.ts';
import {
  conv3x3WithPlanes,
  stridedConv7x7,
  stridedConvPoolActivation,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from '../engine/index.ts';
import {
  act,
  activation,
  conv,
  dense,
  kernelAndBias,
  normalizationSpecs,
  type Pass,
  poolAct,
  poolBias,
  statisticsSpecs,
  weight,
} from './layers.ts';
import type { ModelShape } from './shape.ts';
import type { WeightSpec, Weights } from './weights.ts';

/** Dis(x, y): what the trained weights of the discriminator are, in order. */
export function discriminatorSpecs(shape: ModelShape): WeightSpec[] {
  const [c1, c2, l] = shape.widths.discriminator;
  const flat = Math.ceil(shape.height / 8) * Math.ceil(shape.width / 8) * c2;
  return [
    ...kernelAndBias('discriminator/conv1', [7, 7, shape.channels, c1]),
    ...normalizationSpecs('discriminator/conv1', c1, shape.batchNorm),
    ...kernelAndBias('discriminator/conv2', [3, 3, c1 + shape.labels, c2]),
    ...normalizationSpecs('discriminator/conv2', c2, shape.batchNorm),
    ...kernelAndBias('discriminator/similarity', [3, 3, c2, l]),
    ...normalizationSpecs('discriminator/head', c2, shape.batchNorm),
    ...kernelAndBias('discriminator/head', [flat, 1]),
  ];
}

/** The moving statistics of its batch normalisation; empty without it. */
export function discriminatorStatistics(shape: ModelShape): WeightSpec[] {
  const [c1, c2] = shape.widths.discriminator;
  return [
    ...statisticsSpecs('discriminator/conv1', c1, shape.batchNorm),
    ...statisticsSpecs('discriminator/conv2', c2, shape.batchNorm),
    ...statisticsSpecs('discriminator/head', c2, shape.batchNorm),
  ];
}

export interface Judgement {
  /** B × 1, before the last sigmoid; d = sigmoid(logit) is the probability of "real". */
  logit: Tensor2D;
  /** d_l(x), the activations that likelihoods are compared on, a layer each: B × H' × W' × D; computed when asked for. */
  similarity(): Tensor4D[];
}

/**
 * Dis(x, y) → d as a logit, and d_l(x) of the same pass.
 *
 * The article takes d_l(x) from a linear side branch that the discriminator's own loss never trains; `hidden` takes
 * the last layer on the trained path instead, before its LeakyReLU, and `every-hidden` the first one as well.
 *
 * @param x B × H × W × C in [0, 1]
 * @param y B × labels, one-hot
 */
export function discriminate(
  weights: Weights,
  x: Tensor4D,
  y: Tensor2D,
  layer: TrainingConfig['similarityLayer'],
  pass: Pass,
): Judgement {
  const first =
    layer === 'every-hidden'
      ? poolBias(weights, 'discriminator/conv1', stridedConv7x7(x, firstKernel(weights)))
      : undefined;
  let h = first ? act(weights, 'discriminator/conv1', first, pass) : firstLayer(weights, x, pass);
  const filtered = conv3x3WithPlanes(h, y, weight<Tensor4D>(weights, 'discriminator/conv2/kernel'));
  let pooled: Tensor4D | undefined;
  if (layer !== 'side-branch') {
    pooled = poolBias(weights, 'discriminator/conv2', filtered);
    h = act(weights, 'discriminator/conv2', pooled, pass);
  } else h = poolAct(weights, 'discriminator/conv2', filtered, pass);
  const flat = act(weights, 'discriminator/head', h, pass).reshape([x.shape[0], -1]) as Tensor2D;
  return {
    logit: dense(weights, 'discriminator/head', flat),
    similarity: () => [...(first ? [first] : []), pooled ?? conv(weights, 'discriminator/similarity', h)],
  };
}

const firstKernel = (weights: Weights): Tensor4D => weight<Tensor4D>(weights, 'discriminator/conv1/kernel');

/** Conv 7×7 stride 2, max pooling, activation. x: B × H × W × C → B × H/4 × W/4 × D */
function firstLayer(weights: Weights, x: Tensor4D, pass: Pass): Tensor4D {
  const kernel = firstKernel(weights);
  if (pass.normalization !== 'off')
    return poolAct(weights, 'discriminator/conv1', stridedConv7x7(x, kernel), pass);
  const bias = weight<Tensor1D>(weights, 'discriminator/conv1/bias');
  return stridedConvPoolActivation(x, kernel, bias, activation(pass));
}
