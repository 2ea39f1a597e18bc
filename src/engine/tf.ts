import type { EngineFacts } from '../core/contracts/engine.ts';
import { loadEngine } from './load.ts';

/** TensorFlow, loaded once a process. Importing this module loads the native library (about 400 MB resident). */
const engine = await loadEngine();

export const tf = engine.tf;
export const device = engine.device;

/** What this process holds at the moment. */
export function engineFacts(): EngineFacts {
  const { numTensors, numBytes } = tf.memory();
  return { residentBytes: process.memoryUsage.rss(), tensors: numTensors, tensorBytes: numBytes };
}

/** Versions of what computes, by name. */
export const engineVersions: Record<string, string> = {
  tensorflow: (engine.tf.backend() as unknown as { binding: { TF_Version: string } }).binding.TF_Version,
  tfjs: engine.tf.version_core,
};

export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node-gpu';
