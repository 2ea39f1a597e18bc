import type { EngineFacts } from '../core/contracts/engine.ts';
import { loadEngine } from './load.ts';

/** TensorFlow, loaded once per process. Importing this module loads the native library (about 400 MB resident). */
const engine = await loadEngine();

export const { tf, backend, device } = engine;

/** Resources that this process uses now. */
export function engineFacts(): EngineFacts {
  const { numTensors, numBytes } = tf.memory();
  return { residentBytes: process.memoryUsage.rss(), tensors: numTensors, tensorBytes: numBytes };
}

/** Versions of the native library and of TensorFlow.js. */
export const engineVersions: Record<string, string> = {
  tensorflow: backend.binding.TF_Version,
  tfjs: tf.version_core,
};

export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node-gpu';
