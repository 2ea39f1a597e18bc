import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepRandom, type Tensor, type Tensor4D, tf } from '../../src/engine/index.ts';
import {
  conv5x5OnDepth,
  foldUpsampling,
  stridedConv7x7,
  subpixelConv5x5,
  upsampleToDepth,
} from '../../src/engine/subpixel.ts';

type Convolution = (x: Tensor4D, kernel: Tensor4D) => Tensor4D;

function assertClose(actual: Tensor, expected: Tensor): void {
  assert.deepEqual(actual.shape, expected.shape);
  const scale = expected.abs().max().dataSync()[0]!;
  const worst = actual.sub(expected).abs().max().dataSync()[0]!;
  assert.ok(worst <= 1e-5 * scale, `differs by ${worst / scale} of the largest value`);
}

/** Compares results and both gradients, relative to the largest value. */
function assertSame(trick: Convolution, plain: Convolution, xShape: number[], kernelShape: number[]): void {
  tf.tidy(() => {
    const random = new StepRandom(7, 'steps', 1);
    const x = random.normal(xShape) as Tensor4D;
    const kernel = random.normal(kernelShape) as Tensor4D;
    const expected = plain(x, kernel);
    const dy = random.normal(expected.shape);
    assertClose(trick(x, kernel), expected);
    const gradients = (f: Convolution) => tf.grads(f as never)([x, kernel], dy) as [Tensor, Tensor];
    const [dx, dKernel] = gradients(trick);
    const [dxPlain, dKernelPlain] = gradients(plain);
    assertClose(dx, dxPlain);
    assertClose(dKernel, dKernelPlain);
  });
}

const upsample = (x: Tensor4D): Tensor4D =>
  tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]);

test('a sub-pixel convolution equals upsampling and a 5×5 convolution', () => {
  const plain: Convolution = (x, kernel) => tf.conv2d(upsample(x), kernel, 1, 'same');
  assertSame(subpixelConv5x5, plain, [3, 7, 6, 5], [5, 5, 5, 4]);
  assert.deepEqual(foldUpsampling(tf.ones([5, 5, 2, 3])).shape, [3, 3, 2, 12]);
});

test('in two steps it also equals them, with another op between on the fine grid', () => {
  const trick: Convolution = (x, kernel) => conv5x5OnDepth(tf.leakyRelu(upsampleToDepth(x), 0.3), kernel);
  const plain: Convolution = (x, kernel) => tf.conv2d(tf.leakyRelu(upsample(x), 0.3), kernel, 1, 'same');
  assertSame(trick, plain, [3, 6, 7, 4], [5, 5, 4, 1]);
  assertSame(trick, plain, [2, 4, 4, 3], [5, 5, 3, 3]);
});

test('a strided 7×7 convolution on the space-to-depth image equals the plain form', () => {
  const plain: Convolution = (x, kernel) => tf.conv2d(x, kernel, 2, 'same');
  for (const side of [28, 16, 20]) assertSame(stridedConv7x7, plain, [2, side, side, 1], [7, 7, 1, 6]);
  assertSame(stridedConv7x7, plain, [2, 16, 32, 3], [7, 7, 3, 4]);
});
