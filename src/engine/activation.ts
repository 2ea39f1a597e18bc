import { differentiable, hasNativeKernels, together } from './differentiable.ts';
import { runNativeOp, runNativeOutputs } from './native.ts';
import { droppedOf256, type StepRandom } from './random.ts';
import { stridedConv7x7 } from './subpixel.ts';
import type { Tensor, Tensor1D, Tensor4D } from './tf.ts';
import { tf } from './tf.ts';

/** LeakyReLU followed by inverted dropout; a rate of 0 draws nothing. */
export interface Activation {
  /** Slope below 0. */
  slope: number;
  /** Dropout rate. */
  rate: number;
  /** Random stream of the masks; needed when the rate is above 0. */
  random?: StepRandom | undefined;
}

/** Dropout of one call: how many of 256 byte values drop an element, and the seed of the mask. */
export function drawDropout({ rate, random }: Pick<Activation, 'rate' | 'random'>): {
  dropped: number;
  seed: Tensor1D;
} {
  const dropped = droppedOf256(rate);
  if (dropped === 0) return { dropped, seed: tf.zeros([2], 'int32') };
  if (!random) throw new Error('Dropout needs a random stream: pass `random`');
  return { dropped, seed: random.nextSeed() };
}

/**
 * dropout(LeakyReLU(x + bias)) in one sweep over memory; its gradient is another sweep (native/activation.h).
 *
 * @param x any shape
 * @param bias as long as the last dimension
 */
export function biasActivation<T extends Tensor>(x: T, bias: Tensor1D, activation: Activation): T {
  if (!hasNativeKernels) return biasActivationPlain(x, bias, activation);
  const { dropped, seed } = drawDropout(activation);
  const attributes = { floats: { slope: activation.slope }, ints: { dropped } };
  return differentiable(
    { x, bias },
    (save) => {
      const [y, code] = runNativeOutputs('StylographActivate', [x, bias, seed], attributes, 2);
      save([code!]);
      return y as T;
    },
    (dy, [code]) => {
      const [dx, dBias] = together(
        () => runNativeOutputs('StylographActivateGradient', [dy, code!], attributes, 2) as [Tensor, Tensor],
      );
      return { x: dx, bias: dBias };
    },
  );
}

export function biasActivationPlain<T extends Tensor>(x: T, bias: Tensor1D, activation: Activation): T {
  const { slope, rate, random } = activation;
  const h = tf.leakyRelu(tf.add(x, bias), slope);
  return (rate === 0 ? h : h.mul(random!.dropoutMask(h.shape, rate))) as T;
}

/**
 * dropout(LeakyReLU(p + bias)), where p is the maximum of each 2×2 of x (stride 2, `same`). With slope 1 and rate 0 it is
 * pooling and bias alone.
 *
 * @param x B × H × W × C → B × ⌈H/2⌉ × ⌈W/2⌉ × C
 */
export function poolBiasActivation(x: Tensor4D, bias: Tensor1D, activation: Activation): Tensor4D {
  if (!hasNativeKernels) return biasActivationPlain(tf.maxPool(x, 2, 2, 'same'), bias, activation);
  const { dropped, seed } = drawDropout(activation);
  const attributes = { floats: { slope: activation.slope }, ints: { dropped } };
  const [, height, width] = x.shape;
  return differentiable(
    { x, bias },
    (save) => {
      const [y, code] = runNativeOutputs('StylographMaxPool', [x, bias, seed], attributes, 2);
      save([code!]);
      return y as Tensor4D;
    },
    (dy, [code]) => {
      const [dx, dBias] = together(() => {
        const size = tf.tensor1d([height, width], 'int32');
        return runNativeOutputs('StylographMaxPoolGradient', [dy, code!, size], attributes, 2) as [
          Tensor,
          Tensor,
        ];
      });
      return { x: dx, bias: dBias };
    },
  );
}

/** The maximum of each 2×2, stride 2, `same`. */
export function maxPool2x2(x: Tensor4D): Tensor4D {
  return hasNativeKernels
    ? poolBiasActivation(x, tf.zeros([x.shape[3]]), { slope: 1, rate: 0 })
    : tf.maxPool(x, 2, 2, 'same');
}

/**
 * A `same` 7×7 convolution of stride 2, 2×2 max pooling, bias, LeakyReLU and dropout, one image at a time, so that it stays
 * in the cache (native/strided_conv.h).
 *
 * @param x B × H × W × C, sides multiples of 4
 * @param kernel 7 × 7 × C × D
 * @returns B × H/4 × W/4 × D
 */
export function stridedConvPoolActivation(
  x: Tensor4D,
  kernel: Tensor4D,
  bias: Tensor1D,
  activation: Activation,
): Tensor4D {
  if (!hasNativeKernels) return poolBiasActivation(stridedConv7x7(x, kernel), bias, activation);
  const { dropped, seed } = drawDropout(activation);
  const attributes = { floats: { slope: activation.slope }, ints: { dropped } };
  return differentiable(
    { x, kernel, bias },
    (save) => {
      const [y, code] = runNativeOutputs('StylographStridedConv', [x, kernel, bias, seed], attributes, 2);
      save([x, kernel, code!]);
      return y as Tensor4D;
    },
    (dy, [x, kernel, code]) => {
      const [dKernel, dBias] = together(
        () =>
          runNativeOutputs('StylographStridedConvFilterGradient', [dy, code!, x!], attributes, 2) as [
            Tensor,
            Tensor,
          ],
      );
      return {
        x: () => runNativeOp('StylographStridedConvInputGradient', [dy, code!, kernel!], attributes),
        kernel: dKernel,
        bias: dBias,
      };
    },
  );
}
