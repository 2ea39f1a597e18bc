import util from 'node:util';
import { StylographError } from '../core/errors.ts';

type Tf = typeof import('@tensorflow/tfjs-node-gpu');

export interface Engine {
  tf: Tf;
  /** `gpu` or `cpu`: where kernels run. */
  device: 'cpu' | 'gpu';
}

/** tfjs-node calls this function, which Node dropped in version 23. */
function restoreIsNullOrUndefined(): void {
  const legacy = util as unknown as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
}

/**
 * Loads native TensorFlow (about 0.4 s and 400 MB). Never call it in a process that serves HTTP.
 *
 * @throws StylographError `engine_missing` when it is not installed, `engine_no_gpu` when `requireGpu` cannot be met.
 */
export async function loadEngine({ requireGpu = process.env.REQUIRE_GPU === '1' } = {}): Promise<Engine> {
  // TensorFlow reads these once, when its library is loaded: without the first it takes the whole GPU.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  restoreIsNullOrUndefined();
  let tf: Tf;
  try {
    const module = (await import('@tensorflow/tfjs-node-gpu')) as unknown as Tf & { default?: Tf };
    tf = module.default ?? module;
  } catch (cause) {
    throw new StylographError(
      'engine_missing',
      `TensorFlow could not be loaded (${(cause as Error).message.split('\n')[0]}). Run "npm run setup", then "npm run doctor".`,
      { cause },
    );
  }
  const backend = tf.backend() as unknown as { isUsingGpuDevice: boolean };
  const device = backend.isUsingGpuDevice ? 'gpu' : 'cpu';
  if (requireGpu && device !== 'gpu') {
    throw new StylographError(
      'engine_no_gpu',
      'REQUIRE_GPU is set but TensorFlow found no usable GPU. Install the CUDA engine and a driver, or unset REQUIRE_GPU.',
    );
  }
  return { tf, device };
}
