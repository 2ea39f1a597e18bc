import './gradients.ts';

export { joinFlat, splitFlat } from './flat.ts';
export { runNativeOp } from './native.ts';
export { StepRandom } from './random.ts';
export { foldUpsampling, upsampleConv5x5 } from './subpixel.ts';
export { GradientTape } from './tape.ts';
export * from './tf.ts';
