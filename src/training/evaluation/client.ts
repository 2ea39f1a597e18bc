import type { Evaluation } from '../../core/contracts/evaluation.ts';
import { isErrorCode, StylographError } from '../../core/errors.ts';
import { startChild } from '../../platform/processes/start-child.ts';

/* Starts evaluations in a process of their own. This file must not import TensorFlow. */

export interface EvaluationTask {
  /** The data folder. */
  folder: string;
  modelId: string;
  /** Prior samples to score. */
  samples: number;
  /** Where to write the scored images as IDX files. */
  exportTo?: string | undefined;
}

export type ToEvaluationChild = { type: 'start'; task: EvaluationTask } | { type: 'stop' };

export type FromEvaluationChild =
  | { type: 'progress'; share: number }
  | { type: 'evaluated'; evaluation: Evaluation }
  /** `code` is one of our error codes, or one of Node.js such as `EACCES`. */
  | { type: 'failed'; code: string; message: string };

export interface EvaluationWatch {
  signal: AbortSignal;
  /** Receives the share of the evaluation that is done, 0 to 1. */
  onProgress(share: number): void;
}

/** A child that does not stop within this time is killed. */
const STOP_MS = 5_000;

/**
 * Evaluates a stored model in a child process. What is stored with the model stays.
 *
 * @param module path of a module that calls `serveEvaluationChild`
 * @throws evaluation_unavailable, classifier_unfit, checkpoint_corrupt, dataset_*, engine_missing; child_died when the
 *   process ends without an answer; `signal`'s reason when it is aborted
 */
export async function evaluateInChild(
  module: string,
  task: EvaluationTask,
  { signal, onProgress }: EvaluationWatch,
): Promise<Evaluation> {
  signal.throwIfAborted();
  const child = startChild(module);
  const send = (message: ToEvaluationChild): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    send({ type: 'stop' });
    killTimer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<Evaluation>((resolve, reject) => {
      let answer: Exclude<FromEvaluationChild, { type: 'progress' }> | undefined;
      child.on('message', (message: FromEvaluationChild) => {
        if (message.type !== 'progress') answer = message;
        else if (!signal.aborted) onProgress(message.share);
      });
      child.once('error', reject);
      // 'close' follows 'exit' once the error output has been forwarded.
      child.once('close', (code, killed) => {
        if (signal.aborted) reject(signal.reason);
        else if (answer === undefined) reject(died(killed ?? `code ${code}`));
        else if (answer.type === 'failed') reject(errorOf(answer.code, answer.message));
        else resolve(answer.evaluation);
      });
      send({ type: 'start', task });
    });
  } finally {
    clearTimeout(killTimer);
    signal.removeEventListener('abort', stop);
  }
}

const errorOf = (code: string, message: string): Error =>
  isErrorCode(code) ? new StylographError(code, message) : Object.assign(new Error(message), { code });

const died = (how: string): StylographError =>
  new StylographError(
    'child_died',
    `The evaluation process ended with ${how} and no result. The machine may lack memory: close other programs and try again.`,
  );
