import { differentiable, hasNativeKernels } from './differentiable.ts';
import { runNativeOp } from './native.ts';
import { subpixelConv5x5 } from './subpixel.ts';
import type { Tensor2D, Tensor4D } from './tf.ts';
import { tf } from './tf.ts';

/**
 * 3×3 convolutions by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray 2016; native/winograd.h): a quarter of the
 * products of the plain form, the same result up to rounding (test/engine/kernels.test.ts).
 */
function winograd(x: Tensor4D, planes: Tensor2D, kernel: Tensor4D, upsample: boolean): Tensor4D {
  const attributes = { bools: { upsample } };
  return differentiable(
    { x, planes, kernel },
    (save) => {
      save([x, planes, kernel]);
      return runNativeOp('StylographConv', [x, planes, kernel], attributes) as Tensor4D;
    },
    (dy, [x, planes, kernel]) => ({
      x: () => runNativeOp('StylographConvInputGradient', [dy, planes!, kernel!], attributes),
      planes: () => {
        throw new Error('Constant planes have no gradient');
      },
      kernel: () => runNativeOp('StylographConvFilterGradient', [x!, planes!, dy], attributes),
    }),
  );
}

const noPlanes = (x: Tensor4D): Tensor2D => tf.zeros([x.shape[0], 0]);

/** A `same` 3×3 convolution of stride 1. x: B × H × W × C → B × H × W × D; kernel: 3 × 3 × C × D. */
export function conv3x3(x: Tensor4D, kernel: Tensor4D): Tensor4D {
  return hasNativeKernels ? winograd(x, noPlanes(x), kernel, false) : tf.conv2d(x, kernel, 1, 'same');
}

/**
 * `conv3x3` of x with constant planes appended to its channels. The planes have no gradient.
 *
 * @param x B × H × W × C
 * @param planes B × P, the value of each plane of each image
 * @param kernel 3 × 3 × (C + P) × D
 */
export function conv3x3WithPlanes(x: Tensor4D, planes: Tensor2D, kernel: Tensor4D): Tensor4D {
  return hasNativeKernels ? winograd(x, planes, kernel, false) : conv3x3WithPlanesPlain(x, planes, kernel);
}

export function conv3x3WithPlanesPlain(x: Tensor4D, planes: Tensor2D, kernel: Tensor4D): Tensor4D {
  const [batch, height, width] = x.shape;
  const spread = tf.tile(planes.reshape([batch, 1, 1, -1]), [1, height, width, 1]) as Tensor4D;
  return tf.conv2d(tf.concat4d([x, spread], 3), kernel, 1, 'same');
}

/**
 * Nearest upsampling ×2 followed by a `same` 5×5 convolution: four 3×3 convolutions of the small grid, one for each
 * parity of the output's row and column.
 *
 * @param x B × H × W × C
 * @param kernel 5 × 5 × C × D, as for the upsampled grid
 * @returns B × 2H × 2W × D
 */
export function upsampleConv5x5(x: Tensor4D, kernel: Tensor4D): Tensor4D {
  return hasNativeKernels ? winograd(x, noPlanes(x), kernel, true) : subpixelConv5x5(x, kernel);
}
