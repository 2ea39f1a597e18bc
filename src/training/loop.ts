import type { TrainingState } from '../core/contracts/checkpoint.ts';
import type { TrainingConfig } from '../core/contracts/config.ts';
import type { Dataset } from '../core/contracts/dataset.ts';
import type { SampleSheet } from '../core/contracts/figures.ts';
import type { NamedWeights } from '../core/contracts/model.ts';
import type { RunProgress } from '../core/contracts/run.ts';
import { StylographError } from '../core/errors.ts';
import { servedDecoder } from '../model/networks.ts';
import { drawSamples } from './samples.ts';
import { frameIterations, isDue } from './schedule.ts';
import { type IterationLosses, Trainer } from './trainer.ts';

export type TrainingEvent =
  | { type: 'progress'; progress: RunProgress }
  /** Losses that are not finite are null. */
  | { type: 'metrics'; iteration: number; values: Record<string, number | null> }
  | { type: 'sample'; iteration: number; sheet: SampleSheet }
  /** The decoder as it would be served, for a frame of the films; given again where a stretch is trained again. */
  | { type: 'snapshot'; iteration: number; decoder: NamedWeights[] }
  /** Arrays of its own: it may be stored while training goes on. */
  | { type: 'checkpoint'; state: TrainingState };

export interface TrainOptions {
  config: TrainingConfig;
  dataset: Dataset;
  /** All randomness of the run derives from it: 0 to 2³¹ − 1. */
  seed: number;
  /** Go on from here, exactly as if the run had not stopped. */
  resume?: TrainingState | undefined;
  /** Weights to start from instead of fresh ones. */
  initial?: NamedWeights[] | undefined;
  /** Multiplies the learning rates from here on, and is kept in checkpoints. */
  rateScale?: number | undefined;
  /**
   * Stops the run. With the reason `cancel` it ends within one step; otherwise it finishes its iteration and yields a
   * checkpoint to go on from.
   */
  signal: AbortSignal;
}

/** Iterations over which the time left is estimated. */
const RATE_WINDOW = 50;

const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Trains as an asynchronous sequence of events; what they are used for is the caller's business.
 *
 * Order within an iteration: progress, metrics, samples, snapshot, checkpoint, so that whoever goes on from a checkpoint
 * has every snapshot before it. The last iteration always has metrics, samples and a checkpoint.
 *
 * @throws StylographError `diverged` when a loss is not a finite number, after the metrics that show it, or a weight is not
 *   when a checkpoint is due: a checkpoint is always good to go on from.
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingEvent, void> {
  const { config, dataset, seed, resume, signal } = options;
  const trainer = new Trainer(options);
  const clock = new TrainingClock(resume?.secondsElapsed ?? 0, trainer, config.iterations);
  const goesOn = async (): Promise<boolean> => {
    await yieldToEventLoop();
    return !(signal.aborted && signal.reason === 'cancel');
  };
  const frames = new Set(frameIterations(config));
  const snapshot = (iteration: number): TrainingEvent => ({
    type: 'snapshot',
    iteration,
    decoder: servedDecoder(trainer.networks),
  });
  try {
    yield { type: 'progress', progress: clock.progress() };
    if (trainer.iteration === 0 && frames.has(0)) yield snapshot(0);
    while (trainer.iteration < config.iterations) {
      clock.start();
      const losses = (await goesOn()) ? await trainer.iterate(goesOn) : undefined;
      clock.stop();
      if (!losses) return;
      const iteration = trainer.iteration;
      yield { type: 'progress', progress: clock.progress() };

      const diverged = Object.keys(losses).filter((name) => !Number.isFinite(losses[name]));
      if (diverged.length > 0 || isDue(iteration, config.metricsEvery, config.iterations)) {
        yield { type: 'metrics', iteration, values: finiteOrNull(losses) };
      }
      if (diverged.length > 0) throw divergence(diverged, iteration);

      if (isDue(iteration, config.sampleEvery, config.iterations)) {
        const ordinal = Math.floor(iteration / config.sampleEvery);
        for (const sheet of drawSamples(trainer.networks, dataset, seed, ordinal))
          yield { type: 'sample', iteration, sheet };
      }
      if (frames.has(iteration)) yield snapshot(iteration);
      if (signal.aborted && signal.reason === 'cancel') return;
      if (signal.aborted || isDue(iteration, config.checkpointEvery, config.iterations)) {
        const state = trainer.state(clock.secondsElapsed);
        // Losses are of before the update: the update itself may have spoilt the weights.
        const spoilt = state.weights.find(({ values }) => !values.every(Number.isFinite));
        if (spoilt) throw divergence([`the weight ${spoilt.name}`], iteration);
        yield { type: 'checkpoint', state };
      }
      if (signal.aborted) return;
    }
  } finally {
    trainer.dispose();
  }
}

function finiteOrNull(losses: IterationLosses): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(losses).map(([name, loss]) => [name, Number.isFinite(loss) ? loss : null]),
  );
}

function divergence(names: string[], iteration: number): StylographError {
  return new StylographError(
    'diverged',
    `${names.join(', ')} stopped being a finite number at iteration ${iteration}. ` +
      'Start again with lower learningRates, less ganWeight or another seed.',
  );
}

/** Measures training alone, and what is left of it. */
class TrainingClock {
  readonly #trainer: Trainer;
  readonly #iterations: number;
  readonly #recent: number[] = [];
  #secondsElapsed: number;
  #startedAt = 0;
  #imagesPerSecond = 0;

  constructor(secondsElapsed: number, trainer: Trainer, iterations: number) {
    this.#secondsElapsed = secondsElapsed;
    this.#trainer = trainer;
    this.#iterations = iterations;
  }

  get secondsElapsed(): number {
    return this.#secondsElapsed;
  }

  #imagesBefore = 0;

  start(): void {
    this.#startedAt = performance.now();
    this.#imagesBefore = this.#trainer.imagesSeen;
  }

  stop(): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    this.#secondsElapsed += seconds;
    this.#recent.push(seconds);
    if (this.#recent.length > RATE_WINDOW) this.#recent.shift();
    this.#imagesPerSecond = (this.#trainer.imagesSeen - this.#imagesBefore) / seconds;
  }

  progress(): RunProgress {
    const { iteration } = this.#trainer;
    const perIteration = this.#recent.reduce((sum, seconds) => sum + seconds, 0) / this.#recent.length;
    return {
      phase: 'training',
      iteration,
      iterations: this.#iterations,
      secondsElapsed: this.#secondsElapsed,
      secondsRemaining: this.#recent.length === 0 ? null : perIteration * (this.#iterations - iteration),
      imagesPerSecond: this.#imagesPerSecond,
    };
  }
}
