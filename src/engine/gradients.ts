import { runNativeOp } from './native.ts';
import type { Tensor } from './tf.ts';
import { tf } from './tf.ts';

/*
 * Gradients that tfjs lacks or computes in several passes, replaced by single TensorFlow ops. Importing this module registers
 * them. Each equals the plain form (test/engine/gradients.test.ts).
 */

interface GradientConfig {
  kernelName: string;
  inputsToSave?: string[];
  gradFunc: (
    dy: Tensor,
    saved: Tensor[],
    attributes: Record<string, unknown>,
  ) => Record<string, () => Tensor>;
}

function replaceGradient(config: GradientConfig): void {
  tf.registerGradient(config as Parameters<typeof tf.registerGradient>[0]);
}

tf.unregisterGradient('LeakyRelu');
replaceGradient({
  kernelName: 'LeakyRelu',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], { alpha }) => ({
    x: () =>
      runNativeOp('LeakyReluGrad', [dy, x!], { types: { T: 'float32' }, floats: { alpha: alpha as number } }),
  }),
});

replaceGradient({
  kernelName: 'DepthToSpace',
  gradFunc: (dy, _saved, { blockSize }) => ({ x: () => spaceToDepth(dy, blockSize as number) }),
});

/** Moves blocks of `blockSize` × `blockSize` pixels into channels: the inverse of `tf.depthToSpace`, NHWC. */
export function spaceToDepth(x: Tensor, blockSize: number): Tensor {
  return runNativeOp('SpaceToDepth', [x], {
    types: { T: 'float32' },
    ints: { block_size: blockSize },
    strings: { data_format: 'NHWC' },
  });
}
