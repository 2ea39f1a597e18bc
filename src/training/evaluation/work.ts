import type { Between } from './classifier.ts';

/** Shares of the work, roughly as measured. */
const STAGES = { yardstick: 0.2, samples: 0.2, latents: 0.1, transfers: 0.4, memorisation: 0.1 };
type Stage = keyof typeof STAGES;

export interface WorkOptions {
  /** Aborting makes the work reject with its reason. */
  signal?: AbortSignal;
  /** Share of the work that is done, 0 to 1. */
  onProgress?(share: number): void | Promise<void>;
}

/** Lets the process breathe between pieces of work, notices a stop, tells how far it is. */
export class Work {
  readonly #options: WorkOptions;

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  readonly pause: Between = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    this.#options.signal?.throwIfAborted();
  };

  /** For work that takes a stage from one share of it to another. */
  during(stage: Stage, from = 0, to = 1): Between {
    const names = Object.keys(STAGES) as Stage[];
    const before = names.slice(0, names.indexOf(stage)).reduce((sum, name) => sum + STAGES[name], 0);
    return async (done, of) => {
      await this.pause(done, of);
      const share = from + ((to - from) * done) / of;
      await this.#options.onProgress?.(before + STAGES[stage] * share);
    };
  }
}
