import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  biasActivation,
  biasActivationPlain,
  maxPool2x2,
  poolBiasActivation,
  stridedConvPoolActivation,
} from '../../src/engine/activation.ts';
import {
  conv3x3,
  conv3x3WithPlanes,
  conv3x3WithPlanesPlain,
  upsampleConv5x5,
} from '../../src/engine/convolution.ts';
import { hasNativeKernels } from '../../src/engine/differentiable.ts';
import { upsampleDropoutConv5x5, upsampleDropoutConv5x5Plain } from '../../src/engine/image-conv.ts';
import {
  StepRandom,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from '../../src/engine/index.ts';
import { matMul } from '../../src/engine/matmul.ts';

/** Compares a native kernel with its plain form in TensorFlow's own ops: results and all gradients. */

const TOLERANCE = 1e-5;

function assertClose(what: string, actual: Tensor, expected: Tensor): void {
  assert.deepEqual(actual.shape, expected.shape, what);
  const scale = Math.max(expected.abs().max().dataSync()[0]!, 1e-30);
  const worst = actual.sub(expected).abs().max().dataSync()[0]!;
  assert.ok(worst <= TOLERANCE * scale, `${what} differs by ${worst / scale} of the largest value`);
}

type Operation = (...inputs: Tensor[]) => Tensor;

/** @param fixed inputs after the others, which get no gradient */
function assertSame(native: Operation, plain: Operation, shapes: number[][]): void {
  tf.tidy(() => {
    const random = new StepRandom(11, 'steps', 2);
    const inputs = shapes.map((shape) => random.normal(shape));
    const expected = plain(...inputs);
    const dy = random.normal(expected.shape);
    assertClose('result', native(...inputs), expected);
    const found = tf.grads(native)(inputs, dy);
    tf.grads(plain)(inputs, dy).forEach((gradient, i) => {
      assertClose(`gradient ${i}`, found[i]!, gradient);
    });
  });
}

const dropout = (rate: number) => ({ slope: 0.3, rate, random: new StepRandom(5, 'steps', 9) });

test('this machine runs the native kernels', () => {
  assert.equal(hasNativeKernels, true);
});

test('3×3 convolution by Winograd filtering equals the plain form, also for sides and channels that fill no tile and no vector', () => {
  const plain: Operation = (x, kernel) => tf.conv2d(x as Tensor4D, kernel as Tensor4D, 1, 'same');
  const native = conv3x3 as unknown as Operation;
  assertSame(native, plain, [
    [3, 14, 14, 64],
    [3, 3, 64, 32],
  ]);
  assertSame(native, plain, [
    [2, 7, 7, 32],
    [3, 3, 32, 64],
  ]);
  assertSame(native, plain, [
    [2, 5, 9, 3],
    [3, 3, 3, 7],
  ]);
  assertSame(native, plain, [
    [1, 4, 4, 1],
    [3, 3, 1, 1],
  ]);
  assertSame(native, plain, [
    [70, 3, 2, 20],
    [3, 3, 20, 130],
  ]);
});

test('a 3×3 convolution with constant planes equals the plain form', () => {
  for (const channels of [128, 5]) {
    tf.tidy(() => {
      const random = new StepRandom(3, 'steps', 1);
      const planes = random.normal([2, 10]) as Tensor2D;
      assertSame(
        (x, kernel) => conv3x3WithPlanes(x as Tensor4D, planes, kernel as Tensor4D),
        (x, kernel) => conv3x3WithPlanesPlain(x as Tensor4D, planes, kernel as Tensor4D),
        [
          [2, 7, 7, channels],
          [3, 3, channels + 10, 64],
        ],
      );
    });
  }
});

test('upsampling and a 5×5 convolution by Winograd filtering equal the plain form', () => {
  const plain: Operation = (x, kernel) => {
    const [, height, width] = x.shape as [number, number, number, number];
    const fine = tf.image.resizeNearestNeighbor(x as Tensor4D, [2 * height, 2 * width]);
    return tf.conv2d(fine, kernel as Tensor4D, 1, 'same');
  };
  const native = upsampleConv5x5 as unknown as Operation;
  assertSame(native, plain, [
    [3, 7, 7, 128],
    [5, 5, 128, 64],
  ]);
  assertSame(native, plain, [
    [2, 6, 5, 5],
    [5, 5, 5, 3],
  ]);
  assertSame(native, plain, [
    [2, 4, 8, 20],
    [5, 5, 20, 20],
  ]);
  assertSame(native, plain, [
    [3, 8, 4, 33],
    [5, 5, 33, 40],
  ]);
  assertSame(native, plain, [
    [1, 16, 16, 8],
    [5, 5, 8, 12],
  ]);
});

test('bias, LeakyReLU and dropout in one kernel have the mask, results and gradients of separate ops', () => {
  for (const rate of [0, 0.3]) {
    for (const shape of [
      [64, 6272],
      [3, 7, 7, 5],
      [2, 14, 14, 64],
      [1, 1],
    ]) {
      assertSame(
        (x, bias) => biasActivation(x, bias as Tensor1D, dropout(rate)),
        (x, bias) => biasActivationPlain(x, bias as Tensor1D, dropout(rate)),
        [shape, shape.slice(-1)],
      );
    }
  }
});

test('max pooling equals the plain form, alone and with bias, LeakyReLU and dropout', () => {
  for (const shape of [
    [3, 14, 14, 32],
    [2, 7, 5, 6],
  ]) {
    assertSame(
      (x) => maxPool2x2(x as Tensor4D),
      (x) => tf.maxPool(x as Tensor4D, 2, 2, 'same'),
      [shape],
    );
    for (const rate of [0, 0.3]) {
      assertSame(
        (x, bias) => poolBiasActivation(x as Tensor4D, bias as Tensor1D, dropout(rate)),
        (x, bias) =>
          biasActivationPlain(tf.maxPool(x as Tensor4D, 2, 2, 'same'), bias as Tensor1D, dropout(rate)),
        [shape, shape.slice(-1)],
      );
    }
  }
});

test('matMul equals tf.matMul', () => {
  const plain: Operation = (a, b) => tf.matMul(a as Tensor2D, b as Tensor2D);
  assertSame(matMul as unknown as Operation, plain, [
    [64, 18],
    [18, 100],
  ]);
  assertSame(matMul as unknown as Operation, plain, [
    [3, 1],
    [1, 5],
  ]);
});

test('of equal maxima, pooling takes the first, as TensorFlow does', () => {
  tf.tidy(() => {
    const x = tf.zeros([1, 4, 4, 3]) as Tensor4D;
    const dy = new StepRandom(1, 'steps', 1).normal([1, 2, 2, 3]) as Tensor4D;
    const expected = tf.grad((v) => tf.maxPool(v as Tensor4D, 2, 2, 'same'))(x, dy);
    assertClose('gradient', tf.grad((v) => maxPool2x2(v as Tensor4D))(x, dy), expected);
  });
});

test('a strided 7×7 convolution with pooling and activation equals the plain form', () => {
  for (const rate of [0, 0.3]) {
    for (const [size, channels, filters] of [
      [28, 1, 128],
      [16, 3, 10],
      [20, 1, 33],
    ] as const) {
      assertSame(
        (x, kernel, bias) =>
          stridedConvPoolActivation(x as Tensor4D, kernel as Tensor4D, bias as Tensor1D, dropout(rate)),
        (x, kernel, bias) =>
          biasActivationPlain(
            tf.maxPool(tf.conv2d(x as Tensor4D, kernel as Tensor4D, 2, 'same'), 2, 2, 'same'),
            bias as Tensor1D,
            dropout(rate),
          ),
        [[3, size, size, channels], [7, 7, channels, filters], [filters]],
      );
    }
  }
});

test('upsampling, dropout and a 5×5 convolution to an image equal the plain form', () => {
  for (const rate of [0, 0.3]) {
    for (const [size, channels, filters] of [
      [14, 32, 1],
      [8, 5, 3],
    ] as const) {
      assertSame(
        (x, kernel) => upsampleDropoutConv5x5(x as Tensor4D, kernel as Tensor4D, dropout(rate)),
        (x, kernel) => upsampleDropoutConv5x5Plain(x as Tensor4D, kernel as Tensor4D, dropout(rate)),
        [
          [3, size, size, channels],
          [5, 5, channels, filters],
        ],
      );
    }
  }
});

/** Image sizes whose quarters and eighths are even, odd and no multiple of a tile; grey and colour. */
const IMAGES = [
  [16, 3],
  [36, 1],
  [44, 3],
  [64, 3],
] as const;

test('the first and last layers equal the plain forms for grey and colour images of 16 to 64 pixels', () => {
  for (const [size, channels] of IMAGES) {
    assertSame(
      (x, kernel, bias) =>
        stridedConvPoolActivation(x as Tensor4D, kernel as Tensor4D, bias as Tensor1D, dropout(0.3)),
      (x, kernel, bias) =>
        biasActivationPlain(
          tf.maxPool(tf.conv2d(x as Tensor4D, kernel as Tensor4D, 2, 'same'), 2, 2, 'same'),
          bias as Tensor1D,
          dropout(0.3),
        ),
      [[2, size, size, channels], [7, 7, channels, 12], [12]],
    );
    assertSame(
      (x, kernel) => upsampleDropoutConv5x5(x as Tensor4D, kernel as Tensor4D, dropout(0.3)),
      (x, kernel) => upsampleDropoutConv5x5Plain(x as Tensor4D, kernel as Tensor4D, dropout(0.3)),
      [
        [2, size / 2, size / 2, 12],
        [5, 5, 12, channels],
      ],
    );
  }
});

test('the inner layers equal the plain forms for these sizes and 2, 3, 26 and 128 labels', () => {
  for (const [i, [size]] of IMAGES.entries()) {
    const labels = [2, 3, 26, 128][i]!;
    const side = size / 4;
    tf.tidy(() => {
      const planes = new StepRandom(3, 'steps', 1).normal([2, labels]) as Tensor2D;
      assertSame(
        (x, kernel) => conv3x3WithPlanes(x as Tensor4D, planes, kernel as Tensor4D),
        (x, kernel) => conv3x3WithPlanesPlain(x as Tensor4D, planes, kernel as Tensor4D),
        [
          [2, side, side, 12],
          [3, 3, 12 + labels, 9],
        ],
      );
    });
    assertSame(
      upsampleConv5x5 as unknown as Operation,
      (x, kernel) =>
        tf.conv2d(
          tf.image.resizeNearestNeighbor(x as Tensor4D, [2 * side, 2 * side]),
          kernel as Tensor4D,
          1,
          'same',
        ),
      [
        [2, side, side, 9],
        [5, 5, 9, 12],
      ],
    );
    assertSame(
      (x) => maxPool2x2(x as Tensor4D),
      (x) => tf.maxPool(x as Tensor4D, 2, 2, 'same'),
      [[2, side, side, 9]],
    );
  }
});

test('ops reject inputs whose shapes do not match', () => {
  tf.tidy(() => {
    const x = tf.zeros([1, 4, 4, 3]) as Tensor4D;
    assert.throws(() => conv3x3(x, tf.zeros([3, 3, 4, 2]) as Tensor4D), /does not fit the channels/);
    assert.throws(() => biasActivation(x, tf.zeros([2]), { slope: 0.3, rate: 0 }), /bias does not fit/);
    assert.throws(() => biasActivation(x, tf.zeros([3]), { slope: 0.3, rate: 0.3 }), /random stream/);
  });
});
