import type { Dataset } from '../../core/contracts/dataset.ts';
import { EVALUATION_SAMPLES, type Evaluation } from '../../core/contracts/evaluation.ts';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { stopsRun } from '../../core/errors.ts';
import { weightsDigest } from '../../store/index.ts';
import type { CheckpointScorer } from '../../training/evaluation/checkpoint-scorer.ts';
import type { EvaluateOptions } from '../../training/evaluation/evaluate.ts';
import type { Recorder } from './recorder.ts';

/** Evaluation on top of TensorFlow. It is loaded after a run has started; see process.ts. */
export interface Evaluator {
  /** Trains the reference classifier of a dataset that has none. @throws `signal`'s reason */
  prepare(
    dataset: Dataset,
    options: { signal: AbortSignal; log(message: string): Promise<void> },
  ): Promise<void>;
  openScorer(
    dataset: Dataset,
    record: EvaluateOptions['record'],
  ): Promise<Pick<CheckpointScorer, 'score' | 'dispose'>>;
  evaluate(options: Omit<EvaluateOptions, 'dataDir' | 'store'>): Promise<Evaluation>;
}

/** An evaluation may take a minute, or a tenth of the training time. */
const SECONDS_ALLOWED = 60;
const SHARE_ALLOWED = 0.1;
/** Runs of fewer iterations score fewer samples. The number of samples must not depend on the machine's load. */
const SHORT_RUN = 3_000;

export interface RunToEvaluate {
  /** The evaluation made before the run was interrupted, if any. */
  known: Evaluation | undefined;
  record: Pick<ModelRecord, 'image' | 'config'>;
  served: NamedWeights[];
  dataset: Dataset;
  /** Seconds of training. */
  secondsElapsed: number;
  signal: AbortSignal;
  recorder: Pick<Recorder, 'append' | 'warn' | 'progress'>;
}

/**
 * Evaluates the weights that a run will publish, once, and appends the result. If that fails, the run logs a warning
 * and publishes its model without an evaluation, except after errors that stop every run.
 *
 * @returns undefined when the evaluation failed or `signal` was aborted
 * @throws disk_full, store_unavailable, fence_lost, redis_unavailable
 */
export async function evaluateRun(evaluator: Evaluator, run: RunToEvaluate): Promise<Evaluation | undefined> {
  const { known, record, served, dataset, secondsElapsed, signal, recorder } = run;
  if (known?.modelDigest === weightsDigest(served)) return known;
  await recorder.progress({ phase: 'evaluating', secondsRemaining: null });
  const startedAt = performance.now();
  let evaluation: Evaluation;
  try {
    evaluation = await evaluator.evaluate({
      record,
      weights: served,
      dataset,
      samples: record.config.iterations < SHORT_RUN ? EVALUATION_SAMPLES.short : EVALUATION_SAMPLES.full,
      secondsAllowed: Math.max(SECONDS_ALLOWED, SHARE_ALLOWED * secondsElapsed),
      signal,
      onProgress: (share) => {
        const seconds = (performance.now() - startedAt) / 1000;
        return recorder.progress({ secondsRemaining: share === 0 ? null : seconds / share - seconds });
      },
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    if (stopsRun(error)) throw error;
    const reason = error instanceof Error ? error.message : error;
    await recorder.warn(`The model is published without an evaluation: ${reason}`);
    return undefined;
  }
  await recorder.append({ type: 'evaluation', data: evaluation });
  return evaluation;
}
