import type { Tensor } from './tf.ts';
import { device, tf } from './tf.ts';

/**
 * Whether the kernels of native/ are used. They run on the CPU only; on a GPU, or with `STYLOGRAPH_KERNELS=plain`,
 * TensorFlow's own ops are used instead.
 */
export const hasNativeKernels = device === 'cpu' && process.env.STYLOGRAPH_KERNELS !== 'plain';

type Thunks<Name extends string> = Record<Name, () => Tensor>;

/** What tfjs's engine offers beyond its declared type. */
interface CustomOps {
  runKernelFunc(call: {
    forwardFunc: (backend: unknown, save: (tensors: Tensor[]) => void) => Tensor;
    inputs: Record<string, Tensor>;
    backwardsFunc: (dy: Tensor, saved: Tensor[]) => Record<string, () => Tensor>;
  }): Tensor;
}

const hasCustomOps = (engine: object): engine is CustomOps => 'runKernelFunc' in engine;

/**
 * An op with its own gradient, recorded by tapes as one step. Unlike `tf.customGrad` it computes only the
 * gradients that are asked for.
 *
 * @param forward computes the result; `save` keeps tensors for `backward` until the tape is disposed
 * @param backward dy and the saved tensors → one function per input that computes its gradient
 */
export function differentiable<T extends Tensor, Name extends string>(
  inputs: Record<Name, Tensor>,
  forward: (save: (tensors: Tensor[]) => void) => T,
  backward: (dy: T, saved: Tensor[]) => Thunks<Name>,
): T {
  const engine: object = tf.engine();
  if (!hasCustomOps(engine)) throw new Error('This version of TensorFlow.js takes no custom gradients');
  return engine.runKernelFunc({
    forwardFunc: (_backend, save) => forward(save),
    inputs,
    backwardsFunc: backward as (dy: Tensor, saved: Tensor[]) => Thunks<Name>,
  }) as T;
}

/**
 * Two results of one computation, which runs when the first of them is needed. It runs again if the other result has been
 * freed by then: `tf.grads` tidies up after each gradient.
 */
export function together(compute: () => [Tensor, Tensor]): [() => Tensor, () => Tensor] {
  let results: [Tensor, Tensor] | undefined;
  const at = (i: 0 | 1) => () => {
    if (results === undefined || results[i].isDisposed) results = compute();
    return results[i];
  };
  return [at(0), at(1)];
}
