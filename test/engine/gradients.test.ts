import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spaceToDepth } from '../../src/engine/gradients.ts';
import {
  GradientTape,
  joinFlat,
  runNativeOp,
  StepRandom,
  splitFlat,
  type Tensor,
  type Tensor4D,
  tf,
} from '../../src/engine/index.ts';

function assertClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  assert.deepEqual(actual.shape, expected.shape);
  const worst = tf.tidy(() => actual.sub(expected).abs().max().dataSync()[0]!);
  assert.ok(worst <= tolerance, `differs by ${worst}`);
}

const random = (step: number) => new StepRandom(7, 'steps', step);

test('space-to-depth undoes depth-to-space', () => {
  tf.tidy(() => {
    const x = random(1).normal([2, 4, 4, 8]) as Tensor4D;
    assertClose(spaceToDepth(tf.depthToSpace(x, 2), 2), x, 0);
  });
});

test("LeakyReLU's single-op gradient equals its definition", () => {
  tf.tidy(() => {
    const x = random(1).normal([100]);
    const dy = random(2).normal([100]);
    const gradient = tf.grad((v) => tf.leakyRelu(v, 0.3))(x, dy);
    assertClose(gradient, tf.where(x.greater(0), dy, dy.mul(0.3)), 1e-6);
  });
});

test('one tape yields the same gradients of several losses as separate tf.grads calls', () => {
  tf.tidy(() => {
    const a = random(1).normal([4, 3]);
    const b = random(2).normal([3, 2]);
    const hidden = (a: Tensor, b: Tensor) => tf.tanh(tf.matMul(a as never, b as never));
    const lossA = (h: Tensor) => tf.sum(h.square());
    const lossB = (h: Tensor) => tf.sum(tf.exp(h).add(h));
    const { value, tape } = GradientTape.record(() => {
      const h = hidden(a, b);
      return { h, la: lossA(h), lb: lossB(h) };
    });
    const [da] = tape.gradients([value.la], [a]);
    const [db] = tape.gradients([value.lb], [b]);
    const [dh] = tape.gradients([value.la], [value.h]);
    const [viaH] = tape.gradients([value.h, value.lb], [a], [dh!, tf.scalar(2)]);
    tape.dispose();
    assertClose(da!, tf.grad((v) => lossA(hidden(v, b)))(a), 1e-5);
    assertClose(db!, tf.grad((v) => lossB(hidden(a, v)))(b), 1e-5);
    assertClose(viaH!, tf.grad((v) => lossA(hidden(v, b)).add(lossB(hidden(v, b)).mul(2)))(a), 1e-4);
  });
});

test('a tape rejects a tensor that does not influence the loss', () => {
  tf.tidy(() => {
    const a = tf.scalar(1);
    const { value, tape } = GradientTape.record(() => a.square());
    assert.throws(() => tape.gradients([value], [tf.scalar(2)]), /does not influence/);
    tape.dispose();
  });
});

test('a tape leaks nothing', () => {
  const a = tf.ones([3, 3]);
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const { value, tape } = GradientTape.record(() => tf.sum(tf.leakyRelu(a.square(), 0.3).mul(a)));
    tape.gradients([value], [a]);
    tape.dispose();
  });
  assert.equal(tf.memory().numTensors, before);
  a.dispose();
});

test('splitting a flat vector restores the tensors that were joined', () => {
  tf.tidy(() => {
    const parts = [random(1).normal([2, 3]), random(2).normal([4]), random(3).normal([1, 2, 2])];
    const pieces = splitFlat(
      joinFlat(parts),
      parts.map(({ shape }) => shape),
    );
    parts.forEach((part, i) => {
      assertClose(pieces[i]!, part, 0);
    });
  });
});

test('random numbers depend only on seed, purpose, step and order', () => {
  const draw = (seed: number, purpose: 'steps' | 'priors', step: number) => {
    const stream = new StepRandom(seed, purpose, step);
    return [stream.normal([6]), stream.uniform([6])].map((tensor) => [...tensor.dataSync()]);
  };
  const [first, second] = draw(5, 'steps', 9);
  assert.deepEqual(draw(5, 'steps', 9), [first, second]);
  for (const other of [draw(6, 'steps', 9), draw(5, 'priors', 9), draw(5, 'steps', 10)]) {
    assert.notDeepEqual(other[0], first);
    assert.notDeepEqual(other[1], second);
  }
});

test('random numbers have the moments of their distributions', () => {
  tf.tidy(() => {
    const stream = new StepRandom(1, 'steps', 0);
    const normal = tf.moments(stream.normal([200_000]));
    assert.ok(Math.abs(normal.mean.dataSync()[0]!) < 0.01);
    assert.ok(Math.abs(normal.variance.dataSync()[0]! - 1) < 0.02);
    const uniform = stream.uniform([200_000]);
    assert.ok(uniform.min().dataSync()[0]! >= 0 && uniform.max().dataSync()[0]! < 1);
    assert.ok(Math.abs(tf.mean(uniform).dataSync()[0]! - 0.5) < 0.005);
  });
});

test('a dropout mask keeps the requested share, scales it up, and depends only on the stream', () => {
  tf.tidy(() => {
    const mask = () => new StepRandom(3, 'steps', 1).dropoutMask([101, 7, 333], 0.3);
    const values = mask().dataSync();
    assert.deepEqual(values, mask().dataSync());
    const share = 1 - 77 / 256;
    const kept = values.filter((value) => value !== 0);
    assert.ok(kept.every((value) => Math.abs(value - 1 / share) < 1e-6));
    assert.ok(Math.abs(kept.length / values.length - share) < 0.005);
    // Neighbours come from the same drawn word, and must not know of each other.
    let both = 0;
    for (let i = 0; i + 1 < values.length; i += 2) if (values[i] && values[i + 1]) both++;
    assert.ok(Math.abs(both / (values.length / 2) - share ** 2) < 0.01);
  });
});

test('running an unknown native op throws an error that names it', () => {
  assert.throws(() => runNativeOp('NoSuchOp', []), /NoSuchOp/);
});
