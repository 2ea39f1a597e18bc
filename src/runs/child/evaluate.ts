import type { Dataset } from '../../core/contracts/dataset.ts';
import { EVALUATION_SAMPLES, type Evaluation } from '../../core/contracts/evaluation.ts';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import type { RunEventBody, RunProgress } from '../../core/contracts/run.ts';
import { stopsRun } from '../../core/errors.ts';
import { weightsDigest } from '../../store/index.ts';
import type { EvaluateOptions } from '../../training/evaluation/index.ts';
import type { Diagnostics } from './diagnose.ts';

/** What evaluates, apart from this room so that it is loaded only in the process that needs it. */
export interface Evaluator extends Diagnostics {
  /** Makes what is needed to judge images of a dataset, where it is not there. @throws `signal`'s reason */
  prepare(
    dataset: Dataset,
    options: { signal: AbortSignal; tell(body: RunEventBody): Promise<void> },
  ): Promise<void>;
  evaluate(options: Omit<EvaluateOptions, 'dataDir' | 'store'>): Promise<Evaluation>;
}

/** An evaluation may take a minute, or a tenth of what training took. */
const SECONDS_ALLOWED = 60;
const SHARE_ALLOWED = 0.1;
/** Iterations below which a run scores fewer samples: by what was trained, not by how busy the machine was. */
const SHORT_RUN = 3_000;

export interface RunToEvaluate {
  /** What the run was evaluated as before it was interrupted, if it was. */
  known: Evaluation | undefined;
  record: Pick<ModelRecord, 'image' | 'config'>;
  served: NamedWeights[];
  dataset: Dataset;
  /** Of training. */
  secondsElapsed: number;
  signal: AbortSignal;
  tell(body: RunEventBody): Promise<void>;
  report(change: Partial<RunProgress>): Promise<void>;
}

/**
 * Evaluates what a run will publish, once for its weights, and tells it. A run without a verdict is still a run: what
 * goes wrong here is told as a log event, and the model is published without. What stops a run stops it
 * here too.
 *
 * @returns undefined when there is no verdict, or `signal` was aborted
 * @throws disk_full, store_unavailable, fence_lost, redis_unavailable
 */
export async function evaluateRun(evaluator: Evaluator, run: RunToEvaluate): Promise<Evaluation | undefined> {
  const { known, record, served, dataset, secondsElapsed, signal, tell, report } = run;
  if (known?.modelDigest === weightsDigest(served)) return known;
  await report({ phase: 'evaluating', secondsRemaining: null });
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
        return report({ secondsRemaining: share === 0 ? null : seconds / share - seconds });
      },
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    if (stopsRun(error)) throw error;
    const message = `The model is published without an evaluation: ${error instanceof Error ? error.message : error}`;
    await tell({ type: 'log', data: { level: 'warn', message } });
    return undefined;
  }
  await tell({ type: 'evaluation', data: evaluation });
  return evaluation;
}
