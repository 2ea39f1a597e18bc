export { type EvaluatedImages, type EvaluateOptions, evaluateModel } from './evaluate.ts';
