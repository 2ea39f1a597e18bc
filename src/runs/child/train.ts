import type { TrainingState } from '../../core/contracts/checkpoint.ts';
import type { Dataset } from '../../core/contracts/dataset.ts';
import type { NamedWeights } from '../../core/contracts/model.ts';
import type { RunRecord } from '../../core/contracts/run.ts';
import { errorCodeOf } from '../../core/errors.ts';
import type { Diagnoser } from './diagnose.ts';
import { imageSpec } from './image-spec.ts';
import type { Recorder } from './recorder.ts';
import type { Trainer } from './run.ts';

/** What learning rates are multiplied by after a loss that was not finite. */
const SETBACK_RATE = 0.3;

/** A run's training, and who takes care of what it yields. */
export interface Training {
  trainer: Trainer;
  dataset: Dataset;
  record: Pick<RunRecord, 'config' | 'seed'>;
  recorder: Recorder;
  diagnoser: Diagnoser;
  /** Weights that a fresh run starts from. */
  initial(): Promise<NamedWeights[] | undefined>;
  signal: AbortSignal;
}

/** Where training stands: kept up to date, so that a run which failed can be gone on from. */
interface Position {
  newest: TrainingState | undefined;
  rateScale?: number;
}

/**
 * Trains to the end, or to where `signal` stops it; all is stored and told then. A loss that is not finite sends the run
 * back to its last checkpoint once, to go on with lower rates.
 *
 * @returns the newest state there is
 * @throws diverged when it happens again, disk_full, fence_lost, no_seed_model
 */
export async function trainOrGoBack(
  training: Training,
  resume: TrainingState | undefined,
): Promise<TrainingState | undefined> {
  const { recorder, diagnoser } = training;
  const start: Position = { newest: resume };
  try {
    return await trainFrom(training, start);
  } catch (error) {
    if (errorCodeOf(error) !== 'diverged') throw error;
    const what = (error as Error).message;
    const { newest } = start;
    if (newest && newest.rateScale < 1) {
      await diagnoser.diverged(what);
      throw error;
    }
    const iteration = newest?.iteration ?? 0;
    const remedy = `The run went back to iteration ${iteration} and goes on with learning rates times ${SETBACK_RATE}.`;
    await diagnoser.diverged(what, remedy);
    await recorder.warn(`${what} ${remedy}`);
    diagnoser.wentBack(iteration);
    return await trainFrom(training, { newest, rateScale: SETBACK_RATE }).catch(async (again: unknown) => {
      if (errorCodeOf(again) === 'diverged') await diagnoser.diverged((again as Error).message);
      throw again;
    });
  }
}

async function trainFrom(training: Training, at: Position): Promise<TrainingState | undefined> {
  const { trainer, dataset, recorder, diagnoser, signal } = training;
  const { config, seed } = training.record;
  const { newest: resume, rateScale } = at;
  const initial = resume === undefined ? await training.initial() : undefined;
  if (signal.aborted) return resume;
  const options = { config, dataset, seed, resume, initial, rateScale, signal };
  for await (const event of trainer.train(options)) {
    switch (event.type) {
      case 'progress':
        await recorder.progress(event.progress);
        break;
      case 'metrics':
        await recorder.tell({ type: 'metrics', data: { iteration: event.iteration, ...event.values } });
        await diagnoser.metrics(event.iteration, event.values);
        break;
      case 'sample':
        await recorder.sample(event.sheet, event.iteration, imageSpec(dataset));
        break;
      case 'checkpoint': {
        const { state } = event;
        const served = trainer.servedWeights(state);
        await diagnoser.checkpoint(state, served);
        await recorder.checkpoint({ state, served, best: diagnoser.best, software: trainer.software });
        at.newest = state;
        break;
      }
      case 'snapshot':
        await recorder.snapshot(event.iteration, event.decoder);
    }
  }
  await recorder.flushProgress();
  await recorder.settled();
  return at.newest;
}
