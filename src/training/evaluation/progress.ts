/**
 * Awaited after each chunk of a long computation, with how much is done and the total. It lets the event loop handle
 * messages, and may throw to stop the computation.
 */
export type OnChunk = (done: number, total: number) => Promise<void>;

export const ignoreChunks: OnChunk = async () => undefined;

/** The stages of an evaluation in order, each with its measured share of the time. */
const STAGES = { reference: 0.2, samples: 0.2, latents: 0.1, transfers: 0.4, memorisation: 0.1 };
type Stage = keyof typeof STAGES;

export interface ProgressOptions {
  /** Aborting it makes the evaluation reject with its reason. */
  signal?: AbortSignal;
  /** Receives the share of the evaluation that is done, 0 to 1. */
  onProgress?(share: number): void | Promise<void>;
}

/** Reports an evaluation's progress, lets the event loop run and stops the evaluation when asked to. */
export class EvaluationProgress {
  readonly #options: ProgressOptions;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** For work that is too short to report. */
  readonly pause: OnChunk = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    this.#options.signal?.throwIfAborted();
  };

  /** For work that takes a stage from one share of it to another. */
  within(stage: Stage, from = 0, to = 1): OnChunk {
    const names = Object.keys(STAGES) as Stage[];
    const before = names.slice(0, names.indexOf(stage)).reduce((sum, name) => sum + STAGES[name], 0);
    return async (done, total) => {
      await this.pause(done, total);
      const share = from + ((to - from) * done) / total;
      await this.#options.onProgress?.(before + STAGES[stage] * share);
    };
  }
}
