import type { Tensor } from './tf.ts';
import { device, tf } from './tf.ts';

/**
 * Whether the kernels of native/ compute: they are for the CPU; elsewhere, and where `STYLOGRAPH_KERNELS=plain` asks for it,
 * TensorFlow's own ops do.
 */
export const hasNativeKernels = device === 'cpu' && process.env.STYLOGRAPH_KERNELS !== 'plain';

type Thunks<Name extends string> = Record<Name, () => Tensor>;

interface CustomOps {
  runKernelFunc(call: {
    forwardFunc: (backend: unknown, save: (tensors: Tensor[]) => void) => Tensor;
    inputs: Record<string, Tensor>;
    backwardsFunc: (dy: Tensor, saved: Tensor[]) => Record<string, () => Tensor>;
  }): Tensor;
}

/**
 * An op with a gradient of its own, recorded by tapes as one step. Unlike `tf.customGrad` it computes only the
 * gradients that are asked for.
 *
 * @param forward computes the result; what it gives to `save` is there for `backward`, and freed with the tape
 * @param backward dy and what was saved → a function for each input's gradient
 */
export function differentiable<T extends Tensor, Name extends string>(
  inputs: Record<Name, Tensor>,
  forward: (save: (tensors: Tensor[]) => void) => T,
  backward: (dy: T, saved: Tensor[]) => Thunks<Name>,
): T {
  const engine = tf.engine() as unknown as CustomOps;
  return engine.runKernelFunc({
    forwardFunc: (_backend, save) => forward(save),
    inputs,
    backwardsFunc: backward as (dy: Tensor, saved: Tensor[]) => Thunks<Name>,
  }) as T;
}

/**
 * Two results of one computation, computed when the first of them is asked for; anew if the second was freed meanwhile,
 * as `tf.grads` does, which tidies up after each.
 */
export function together(compute: () => [Tensor, Tensor]): [() => Tensor, () => Tensor] {
  let results: [Tensor, Tensor] | undefined;
  const at = (i: 0 | 1) => () => {
    if (results === undefined || results[i].isDisposed) results = compute();
    return results[i];
  };
  return [at(0), at(1)];
}
