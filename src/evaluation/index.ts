export { type EvaluateOptions, evaluateModel } from './evaluate.ts';
