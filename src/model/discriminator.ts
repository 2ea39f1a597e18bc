import type { TrainingConfig } from '../core/contracts/config.ts';
import {
  conv3x3WithPlanes,
  stridedConv7x7,
  stridedConvPoolActivation,
  type Tensor2D,
  type Tensor4D,
} from '../engine/index.ts';
import type { Architecture, Layer } from './architecture.ts';
import { act, activationOf, biasOf, conv, dense, kernelOf, type Pass, poolAct, poolBias } from './layers.ts';
import type { Weights } from './weights.ts';

export interface Judgement {
  /** B × 1, before the last sigmoid; d = sigmoid(logit) is the probability of "real". */
  logit: Tensor2D;
  /** d_l(x), the activations that likelihoods compare, one tensor per layer: B × H' × W' × D. Computed when called. */
  similarity(): Tensor4D[];
}

/**
 * Dis(x, y) → d as a logit, and d_l(x) of the same pass.
 *
 * The article takes d_l(x) from a linear side branch that the discriminator's own loss never trains. `hidden` takes the
 * last layer on the trained path instead, before its LeakyReLU, and `every-hidden` the first one as well.
 *
 * @param x B × H × W × C in [0, 1]
 * @param y B × labels, one-hot
 */
export function discriminate(
  weights: Weights,
  { discriminator }: Architecture,
  x: Tensor4D,
  y: Tensor2D,
  similarityLayer: TrainingConfig['similarityLayer'],
  pass: Pass,
): Judgement {
  const { conv1, conv2, similarity, activation, head } = discriminator;
  const first =
    similarityLayer === 'every-hidden'
      ? poolBias(weights, conv1, stridedConv7x7(x, kernelOf(weights, conv1)))
      : undefined;
  const h1 = first ? act(weights, conv1, first, pass) : firstLayer(weights, conv1, x, pass);
  const filtered = conv3x3WithPlanes(h1, y, kernelOf(weights, conv2));
  // Pooled before the activation only where a likelihood compares it; otherwise one kernel does both.
  const pooled = similarityLayer === 'side-branch' ? undefined : poolBias(weights, conv2, filtered);
  const h2 = pooled ? act(weights, conv2, pooled, pass) : poolAct(weights, conv2, filtered, pass);
  const flat = act(weights, activation, h2, pass).reshape([x.shape[0], -1]) as Tensor2D;
  return {
    logit: dense(weights, head, flat),
    similarity: () => [...(first ? [first] : []), pooled ?? conv(weights, similarity, h2)],
  };
}

/** Conv 7×7 stride 2, max pooling, activation. x: B × H × W × C → B × H/4 × W/4 × D */
function firstLayer(weights: Weights, layer: Layer, x: Tensor4D, pass: Pass): Tensor4D {
  const kernel = kernelOf(weights, layer);
  if (pass.normalization !== 'off') return poolAct(weights, layer, stridedConv7x7(x, kernel), pass);
  return stridedConvPoolActivation(x, kernel, biasOf(weights, layer), activationOf(layer, pass));
}
