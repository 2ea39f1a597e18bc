import type { TrainingState } from '../../core/contracts/checkpoint.ts';
import type { Dataset } from '../../core/contracts/dataset.ts';
import type { EngineFacts } from '../../core/contracts/engine.ts';
import type { ImageSpec, NamedWeights } from '../../core/contracts/model.ts';
import type { RunRecord } from '../../core/contracts/run.ts';
import { errorCodeOf } from '../../core/errors.ts';
import type { openDrawings } from '../../training/drawing/figure-sheets.ts';
import type { TrainingEvent, TrainOptions } from '../../training/loop.ts';
import type { Diagnoser } from './diagnoser.ts';
import type { Recorder } from './recorder.ts';

/** The learning rates are multiplied by this after a loss that is not finite. */
const RETRY_RATE_SCALE = 0.3;

/** Training on top of TensorFlow. It is loaded after a run has started; see process.ts. */
export interface TrainingEngine {
  train(options: TrainOptions): AsyncIterable<TrainingEvent>;
  servedWeights(state: TrainingState): NamedWeights[];
  openDrawings: typeof openDrawings;
  /** Where kernels run. */
  device: string;
  /** Versions by name, stored with every checkpoint. */
  software: Record<string, string>;
  facts(): EngineFacts;
}

/** A run's training, and the objects that handle its events. */
export interface Training {
  engine: Pick<TrainingEngine, 'train' | 'servedWeights' | 'software'>;
  dataset: Dataset;
  image: ImageSpec;
  record: Pick<RunRecord, 'config' | 'seed'>;
  recorder: Recorder;
  diagnoser: Diagnoser;
  /** Weights that a fresh run starts from. */
  initialWeights(): Promise<NamedWeights[] | undefined>;
  signal: AbortSignal;
}

/** The newest checkpoint. It is kept up to date, so that a failed run can be retried from it. */
interface Position {
  newest: TrainingState | undefined;
  rateScale?: number;
}

/**
 * Trains to the last iteration, or until `signal` stops it. Everything is stored and appended when it returns. After a
 * loss that is not finite, it retries once from the last checkpoint with lower learning rates.
 *
 * @returns the newest checkpoint
 * @throws diverged when the retry diverges too, disk_full, fence_lost, no_seed_model
 */
export async function trainWithRetry(
  training: Training,
  resume: TrainingState | undefined,
): Promise<TrainingState | undefined> {
  const { recorder, diagnoser } = training;
  const start: Position = { newest: resume };
  try {
    return await trainFrom(training, start);
  } catch (error) {
    if (errorCodeOf(error) !== 'diverged') throw error;
    const { message } = error as Error;
    const { newest } = start;
    if (newest && newest.rateScale < 1) {
      await diagnoser.diverged(message);
      throw error;
    }
    const iteration = newest?.iteration ?? 0;
    const remedy = `The run went back to iteration ${iteration} and continues with its learning rates multiplied by ${RETRY_RATE_SCALE}.`;
    await diagnoser.diverged(message, remedy);
    await recorder.warn(`${message} ${remedy}`);
    diagnoser.wentBack(iteration);
    return await trainFrom(training, { newest, rateScale: RETRY_RATE_SCALE }).catch(
      async (again: unknown) => {
        if (errorCodeOf(again) === 'diverged') await diagnoser.diverged((again as Error).message);
        throw again;
      },
    );
  }
}

async function trainFrom(training: Training, position: Position): Promise<TrainingState | undefined> {
  const { engine, dataset, recorder, signal } = training;
  const { config, seed } = training.record;
  const { newest: resume, rateScale } = position;
  const initial = resume === undefined ? await training.initialWeights() : undefined;
  if (signal.aborted) return resume;
  const options = { config, dataset, seed, resume, initial, rateScale, signal };
  for await (const event of engine.train(options)) {
    await record(event, training);
    if (event.type === 'checkpoint') position.newest = event.state;
  }
  await recorder.flushProgress();
  await recorder.settled();
  return position.newest;
}

async function record(event: TrainingEvent, { engine, image, recorder, diagnoser }: Training): Promise<void> {
  switch (event.type) {
    case 'progress':
      return await recorder.progress(event.progress);
    case 'metrics':
      await recorder.append({ type: 'metrics', data: { iteration: event.iteration, ...event.values } });
      return await diagnoser.metrics(event.iteration, event.values);
    case 'sample':
      return await recorder.sample(event.sheet, event.iteration, image);
    case 'checkpoint': {
      const { state } = event;
      const served = engine.servedWeights(state);
      await diagnoser.checkpoint(state, served);
      const { software } = engine;
      return await recorder.checkpoint({ state, served, best: diagnoser.best, software });
    }
    case 'snapshot':
      return await recorder.snapshot(event.iteration, event.decoder);
  }
}
