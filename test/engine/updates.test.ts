import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fusedUpdate, StepRandom, type Tensor1D, tf, updateAverages } from '../../src/engine/index.ts';
import { plainUpdate, ruleOf } from '../../src/model/optimizers.ts';

for (const optimizer of ['rmsprop-tf1', 'adam'] as const) {
  test(`an update of a whole network in one op equals the equations: ${optimizer}`, () => {
    tf.tidy(() => {
      const random = new StepRandom(2, 'steps', 3);
      const shapes = [[5, 5, 3, 40], [40], [1]];
      let thetas = shapes.map((shape) => random.normal(shape));
      let plain = thetas;
      const size = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
      const rule = ruleOf({ optimizer });
      let accumulators = Object.values(rule.accumulators).map((start) =>
        start === 'ones' ? tf.ones([size]) : tf.zeros([size]),
      ) as Tensor1D[];
      let plainAccumulators = accumulators;
      for (let t = 1; t <= 4; t++) {
        const gradients = shapes.map((shape) => random.normal(shape));
        ({ thetas, accumulators } = fusedUpdate(
          optimizer,
          thetas,
          gradients,
          accumulators,
          rule.numbers(0.01, t),
        ));
        ({ thetas: plain, accumulators: plainAccumulators } = plainUpdate(
          rule,
          plain,
          gradients,
          plainAccumulators,
          0.01,
          t,
        ));
      }
      for (const [found, expected] of [
        ...thetas.map((theta, i) => [theta, plain[i]!] as const),
        ...accumulators.map((accumulator, i) => [accumulator, plainAccumulators[i]!] as const),
      ]) {
        assert.deepEqual(found.shape, expected.shape);
        const worst = found.sub(expected).abs().max().dataSync()[0]!;
        const largest = expected.abs().max().dataSync()[0]!;
        assert.ok(worst <= 1e-5 * largest, `differs by ${worst / largest}`);
      }
    });
  });
}

test('an update rejects gradients of other shapes', () => {
  tf.tidy(() => {
    const one = tf.ones([2]);
    assert.throws(
      () => fusedUpdate('rmsprop-tf1', [one], [tf.ones([3])], [one as Tensor1D], [0.1, 0.9, 0.1, 1e-10]),
      /does not fit the other/,
    );
  });
});

test('averages of a whole network in one op equal the equation', () => {
  tf.tidy(() => {
    const random = new StepRandom(4, 'steps', 1);
    const averages = [random.normal([3, 40000]), random.normal([7])];
    const thetas = averages.map(({ shape }) => random.normal(shape));
    updateAverages(averages, thetas, 0.99).forEach((found, i) => {
      const expected = averages[i]!.mul(0.99).add(thetas[i]!.mul(0.01));
      assert.deepEqual(found.shape, expected.shape);
      assert.ok(found.sub(expected).abs().max().dataSync()[0]! <= 1e-6);
    });
  });
});
