export {
  diagnoseEvaluation,
  diagnoseLive,
  type LiveWindow,
  LOSSES_KEPT,
  MEASURES_KEPT,
} from './diagnose.ts';
export { type EvaluateOptions, evaluateModel } from './evaluate.ts';
export { ensureClassifier } from './reference.ts';
export { Watch } from './watch.ts';
