import { loadEngine } from './load.ts';

/** TensorFlow, loaded once a process. Importing this module loads the native library (about 400 MB resident). */
const engine = await loadEngine();

export const tf = engine.tf;
export const device = engine.device;

export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node-gpu';
