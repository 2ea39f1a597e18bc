import { type Activation, drawDropout } from './activation.ts';
import { differentiable, hasNativeKernels } from './differentiable.ts';
import { runNativeOp } from './native.ts';
import { conv5x5OnDepth, upsampleToDepth } from './subpixel.ts';
import type { Tensor4D } from './tf.ts';

/**
 * Nearest upsampling ×2, dropout on the fine grid, and a `same` 5×5 convolution to the channels of an image. The fine grid is
 * never written to memory (native/image_conv.h).
 *
 * @param x B × H × W × C with even H and W
 * @param kernel 5 × 5 × C × D
 * @returns B × 2H × 2W × D
 */
export function upsampleDropoutConv5x5(
  x: Tensor4D,
  kernel: Tensor4D,
  dropout: Pick<Activation, 'rate' | 'random'>,
): Tensor4D {
  if (!hasNativeKernels) return upsampleDropoutConv5x5Plain(x, kernel, dropout);
  const { dropped, seed } = drawDropout(dropout);
  const attributes = { ints: { dropped } };
  return differentiable(
    { x, kernel },
    (save) => {
      save([x, kernel, seed]);
      return runNativeOp('StylographImageConv', [x, kernel, seed], attributes) as Tensor4D;
    },
    (dy, [x, kernel, seed]) => ({
      x: () => runNativeOp('StylographImageConvInputGradient', [dy, kernel!, seed!], attributes),
      kernel: () => runNativeOp('StylographImageConvFilterGradient', [x!, dy, seed!], attributes),
    }),
  );
}

export function upsampleDropoutConv5x5Plain(
  x: Tensor4D,
  kernel: Tensor4D,
  { rate, random }: Pick<Activation, 'rate' | 'random'>,
): Tensor4D {
  const fine = upsampleToDepth(x);
  return conv5x5OnDepth(rate === 0 ? fine : fine.mul(random!.dropoutMask(fine.shape, rate)), kernel);
}
