import type { TrainingState } from '../core/contracts/checkpoint.ts';
import type { SampleSheet } from '../core/contracts/figures.ts';
import type { NamedWeights } from '../core/contracts/model.ts';
import type { RunProgress } from '../core/contracts/run.ts';
import { StylographError } from '../core/errors.ts';
import { servedDecoder } from '../model/networks.ts';
import { sampleSheets } from './drawing/sample-sheets.ts';
import { frameIterations, isDue } from './schedule.ts';
import { type IterationLosses, Trainer, type TrainerOptions } from './trainer.ts';

export type TrainingEvent =
  | { type: 'progress'; progress: RunProgress }
  /** Losses that are not finite are null. */
  | { type: 'metrics'; iteration: number; values: Record<string, number | null> }
  | { type: 'sample'; iteration: number; sheet: SampleSheet }
  /** The decoder as it would be served, for one frame of the films. A run that resumes repeats those after its checkpoint. */
  | { type: 'snapshot'; iteration: number; decoder: NamedWeights[] }
  /** Copies: they may be stored while training continues. */
  | { type: 'checkpoint'; state: TrainingState };

export interface TrainOptions extends TrainerOptions {
  /**
   * Stops the run. With the reason `cancel` it ends within one step. Otherwise it finishes its iteration and yields a
   * checkpoint to resume from.
   */
  signal: AbortSignal;
}

/** Number of recent iterations that the remaining time is estimated from. */
const RATE_WINDOW = 50;

const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Trains a run and yields what happens as events.
 *
 * Within an iteration the order is progress, metrics, samples, snapshot, checkpoint, so every snapshot before a checkpoint is
 * known when a run resumes from it. The last iteration always yields metrics, samples and a checkpoint.
 *
 * @throws StylographError `diverged` when a loss is not finite, after the metrics that show it, or when a weight is not finite
 *   at a checkpoint: a run can resume from every checkpoint.
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingEvent, void> {
  const { config, dataset, seed, resume, signal } = options;
  const trainer = new Trainer(options);
  const clock = new TrainingClock(resume?.secondsElapsed ?? 0, trainer, config.iterations);
  const shouldContinue = async (): Promise<boolean> => {
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
      const losses = (await shouldContinue()) ? await trainer.iterate(shouldContinue) : undefined;
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
        for (const sheet of sampleSheets(trainer.networks, dataset, seed, ordinal))
          yield { type: 'sample', iteration, sheet };
      }
      if (frames.has(iteration)) yield snapshot(iteration);
      if (signal.aborted && signal.reason === 'cancel') return;
      if (signal.aborted || isDue(iteration, config.checkpointEvery, config.iterations)) {
        const state = trainer.state(clock.secondsElapsed);
        // Losses are computed before the update, which may itself produce weights that are not finite.
        const broken = state.weights.find(({ values }) => !values.every(Number.isFinite));
        if (broken) throw divergence([`the weight ${broken.name}`], iteration);
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
      'Start a new run with lower learningRates, a lower ganWeight or another seed.',
  );
}

/** Measures the time of training alone, and estimates the remaining time. */
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
