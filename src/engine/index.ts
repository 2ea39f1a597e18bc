import './gradients.ts';

export { joinFlat, splitFlat } from './flat.ts';
export { type CompiledGraph, compileGraph, GraphBuilder } from './graph.ts';
export { runNativeOp } from './native.ts';
export { StepRandom } from './random.ts';
export {
  conv5x5OnDepth,
  foldUpsampling,
  stridedConv7x7,
  upsampleConv5x5,
  upsampleToDepth,
} from './subpixel.ts';
export { GradientTape } from './tape.ts';
export * from './tf.ts';
