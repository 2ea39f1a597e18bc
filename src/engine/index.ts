import './gradients.ts';

export {
  type Activation,
  biasActivation,
  maxPool2x2,
  poolBiasActivation,
  stridedConvPoolActivation,
} from './activation.ts';
export { conv3x3, conv3x3WithPlanes, upsampleConv5x5 } from './convolution.ts';
export { type CompiledGraph, compileGraph, GraphBuilder } from './graph.ts';
export { upsampleDropoutConv5x5 } from './image-conv.ts';
export { matMul } from './matmul.ts';
export { runNativeOp } from './native.ts';
export { StepRandom } from './random.ts';
export { foldUpsampling, stridedConv7x7 } from './subpixel.ts';
export { GradientTape } from './tape.ts';
export * from './tf.ts';
export { fusedUpdate, hasFusedUpdates, joinFlat, splitFlat, updateAverages } from './updates.ts';
