import util from 'node:util';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { StylographError } from '../core/errors.ts';

type Tf = typeof import('@tensorflow/tfjs-node-gpu');

/** An attribute of a TensorFlow op, in the form that the binding takes. */
export interface OpAttribute {
  name: string;
  type: number;
  value: number | string | boolean | number[];
}

/** TensorFlow's numbers for the kinds of attributes and for data types. */
type BindingConstant =
  | `TF_ATTR_${'INT' | 'FLOAT' | 'BOOL' | 'STRING' | 'TYPE'}`
  | `TF_${'FLOAT' | 'INT32' | 'UINT8' | 'BOOL'}`;

/** What tfjs-node's backend offers beyond its declared type: TensorFlow ops by name. */
export interface NativeBackend {
  binding: Record<BindingConstant, number> & { TF_Version: string };
  isUsingGpuDevice: boolean;
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: Tensor[], count: number): Tensor[];
}

const isNativeBackend = (backend: object): backend is NativeBackend =>
  'binding' in backend && 'isUsingGpuDevice' in backend && 'executeMultipleOutputs' in backend;

export interface Engine {
  tf: Tf;
  backend: NativeBackend;
  /** Where kernels run. */
  device: 'cpu' | 'gpu';
}

/** tfjs-node calls this function, which Node removed in version 23. */
function restoreIsNullOrUndefined(): void {
  if ('isNullOrUndefined' in util) return;
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
}

/**
 * Loads native TensorFlow (about 0.4 s and 400 MB). Never call it in a process that serves HTTP.
 *
 * @throws StylographError `engine_missing` when it is not installed, `engine_no_gpu` when `requireGpu` cannot be met.
 */
export async function loadEngine({ requireGpu = process.env.REQUIRE_GPU === '1' } = {}): Promise<Engine> {
  // TensorFlow reads these once, when its library is loaded. Without the first it allocates the whole GPU.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  restoreIsNullOrUndefined();
  let tf: Tf;
  try {
    const module: Tf & { default?: Tf } = await import('@tensorflow/tfjs-node-gpu');
    tf = module.default ?? module;
  } catch (cause) {
    throw new StylographError(
      'engine_missing',
      `TensorFlow could not be loaded (${(cause as Error).message.split('\n')[0]}). Run "npm run setup", then "npm run doctor".`,
      { cause },
    );
  }
  const backend: object = tf.backend();
  if (!isNativeBackend(backend)) {
    throw new StylographError(
      'engine_missing',
      'TensorFlow.js did not load its native backend. Run "npm run setup", then "npm run doctor".',
    );
  }
  const device = backend.isUsingGpuDevice ? 'gpu' : 'cpu';
  if (requireGpu && device !== 'gpu') {
    throw new StylographError(
      'engine_no_gpu',
      'REQUIRE_GPU is set but TensorFlow found no usable GPU. Install the CUDA engine and a driver, or unset REQUIRE_GPU.',
    );
  }
  return { tf, backend, device };
}
