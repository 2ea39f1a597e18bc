export {
  type EvaluatedImages,
  type EvaluateOptions,
  evaluateModel,
  FULL_SAMPLES,
  SHORT_SAMPLES,
} from './evaluate.ts';
