import type { TrainingState } from '../../core/contracts/checkpoint.ts';
import { newModelId } from '../../core/contracts/common.ts';
import type { Dataset } from '../../core/contracts/dataset.ts';
import type { Evaluation } from '../../core/contracts/evaluation.ts';
import type { SampleSheet } from '../../core/contracts/figures.ts';
import type { ImageSpec, ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import type { RunRecord } from '../../core/contracts/run.ts';
import type { FromRunChild } from '../../core/contracts/worker.ts';
import { StylographError, stopsRun } from '../../core/errors.ts';
import type { DrawnSample } from '../../figures/draw-sheets.ts';
import type { FolderStore, ModelRegistry } from '../../store/index.ts';
import { latestCheckpoint, weightsDigest } from '../../store/index.ts';
import type { TrainingEvent, TrainOptions } from '../../training/loop.ts';
import type { RunEvents } from '../redis/events.ts';
import type { Series } from '../redis/metrics.ts';
import type { RunStore } from '../redis/run-store.ts';
import { type Candidate, chooseCandidate } from './candidate.ts';
import { Diagnoser } from './diagnose.ts';
import { type DrawDependencies, drawRun } from './draw.ts';
import { type Evaluator, evaluateRun } from './evaluate.ts';
import { imageSpec } from './image-spec.ts';
import { Recorder } from './recorder.ts';
import { trainOrGoBack } from './train.ts';

/** What trains, apart from this room so that it is loaded only in the process that needs it. */
export interface Trainer {
  train(options: TrainOptions): AsyncIterable<TrainingEvent>;
  servedWeights(state: TrainingState): NamedWeights[];
  openDrawings: DrawDependencies['openDrawings'];
  /** Where kernels run. */
  device: string;
  /** Versions by name, noted in every checkpoint. */
  software: Record<string, string>;
}

/** Where a run's record and events are kept, whatever keeps them. */
export interface RunLedger {
  runs: Pick<RunStore, 'get' | 'patch' | 'checkFence' | 'beginPublishing'>;
  events: Pick<RunEvents, 'append'>;
  /** All metrics a run has told, a series a name. */
  metrics(runId: string): Promise<Series>;
  /** Tells whoever serves of a published model; false when one of them has not loaded it in time. */
  announce(modelId: string): Promise<boolean>;
}

export interface RunnerDependencies extends RunLedger {
  store: FolderStore;
  registry: ModelRegistry;
  loadTrainer(): Promise<Trainer>;
  loadDataset(id: string): Promise<Dataset>;
  loadEvaluator(): Promise<Evaluator>;
  drawSample(sheet: SampleSheet, spec: ImageSpec): Promise<DrawnSample>;
  drawFigures: DrawDependencies['drawFigures'];
}

export interface RunnerOptions {
  runId: string;
  /** The token of the worker that owns the run. */
  fence: number;
  /** Its reason is `cancel`, `pause` or `requeue`. */
  signal: AbortSignal;
}

export type RunOutcome = Extract<FromRunChild, { type: 'succeeded' | 'stopped' }>;

/**
 * Trains a run from its newest checkpoint to the end, or to where it is told to stop: stores checkpoints and
 * pictures, tells events, evaluates the model and publishes it.
 * @throws fence_lost when another worker owns the run, disk_full, diverged, dataset_*, no_seed_model
 */
export async function runTraining(deps: RunnerDependencies, options: RunnerOptions): Promise<RunOutcome> {
  const record = await deps.runs.get(options.runId);
  return await new Runner(deps, options, record).run();
}

class Runner {
  readonly #deps: RunnerDependencies;
  readonly #options: RunnerOptions;
  readonly #record: RunRecord;
  readonly #recorder: Recorder;

  constructor(deps: RunnerDependencies, options: RunnerOptions, record: RunRecord) {
    this.#deps = deps;
    this.#options = options;
    this.#record = record;
    this.#recorder = new Recorder(deps, record, options.fence);
  }

  /** What was begun behind training's back is done, or has failed, before the run has an outcome. */
  async run(): Promise<RunOutcome> {
    try {
      const outcome = await this.#run();
      await this.#recorder.settled();
      return outcome;
    } finally {
      await this.#recorder.ended();
    }
  }

  async #run(): Promise<RunOutcome> {
    const { runId, fence, signal } = this.#options;
    await this.#recorder.progress({ phase: 'loading' });
    const trainer = await this.#deps.loadTrainer();
    await this.#deps.runs.patch(runId, fence, { device: trainer.device });
    const dataset = await this.#deps.loadDataset(this.#record.dataset);
    const resume = await this.#resumePoint();
    const evaluator = await this.#deps.loadEvaluator();
    await this.#prepare(evaluator, dataset);
    if (signal.aborted) return { type: 'stopped', reason: signal.reason as 'cancel' | 'pause' | 'requeue' };
    const diagnoser = await Diagnoser.open(evaluator, {
      record: this.#record,
      dataset,
      store: this.#deps.store,
      tell: (body) => this.#recorder.tell(body),
      resumedAt: resume?.iteration ?? 0,
    });
    const initial = () => this.#initialWeights();
    const who = { trainer, dataset, record: this.#record, recorder: this.#recorder, diagnoser };
    const state = await trainOrGoBack({ ...who, initial, signal }, resume);
    if (signal.aborted) return { type: 'stopped', reason: signal.reason as 'cancel' | 'pause' | 'requeue' };
    if (state === undefined) throw new TypeError('training ended without a checkpoint of its last iteration');
    const last = { iteration: state.iteration, served: trainer.servedWeights(state) };
    const candidate = await chooseCandidate(this.#recorder.keeping, last, diagnoser.best);
    const evaluation = await this.#evaluate(evaluator, dataset, candidate, state.secondsElapsed);
    if (evaluation) await diagnoser.evaluated(evaluation, candidate.iteration);
    diagnoser.dispose();
    if (!signal.aborted) await this.#draw(trainer, dataset, candidate);
    if (signal.aborted) return { type: 'stopped', reason: signal.reason as 'cancel' | 'pause' | 'requeue' };
    return await this.#publish(dataset, candidate, evaluation);
  }

  /** A run without a judge is still a run: it is published without an evaluation. */
  async #prepare(evaluator: Evaluator, dataset: Dataset): Promise<void> {
    const { signal } = this.#options;
    try {
      await evaluator.prepare(dataset, { signal, tell: (body) => this.#recorder.tell(body) });
    } catch (error) {
      if (signal.aborted) return;
      if (stopsRun(error)) throw error;
      await this.#recorder.warn(`The model will not be evaluated: ${(error as Error).message}`);
    }
  }

  async #evaluate(
    evaluator: Evaluator,
    dataset: Dataset,
    { served }: Candidate,
    secondsElapsed: number,
  ): Promise<Evaluation | undefined> {
    return await evaluateRun(evaluator, {
      known: this.#record.evaluation,
      record: { image: imageSpec(dataset), config: this.#record.config },
      served,
      dataset,
      secondsElapsed,
      signal: this.#options.signal,
      tell: (body) => this.#recorder.tell(body),
      report: (change) => this.#recorder.progress(change),
    });
  }

  async #draw(trainer: Trainer, dataset: Dataset, { iteration, served }: Candidate): Promise<void> {
    const { store, drawFigures, metrics } = this.#deps;
    const { id: runId, config, seed } = this.#record;
    const record = { runId, iteration, image: imageSpec(dataset), config, digest: weightsDigest(served) };
    const tools = { ...trainer, store, drawFigures, metrics };
    await drawRun(
      {
        ...tools,
        tell: (body) => this.#recorder.tell(body),
        report: (change) => this.#recorder.progress(change),
      },
      { record, served, dataset, seed, signal: this.#options.signal },
    );
    await this.#recorder.flushProgress();
  }

  async #resumePoint(): Promise<TrainingState | undefined> {
    const found = await latestCheckpoint(this.#deps.store, this.#record.id, (message) =>
      this.#recorder.warn(message),
    );
    if (found === undefined) return undefined;
    const { iteration } = found.state;
    // The process that stored it may have died before it could tell.
    await this.#recorder.tell({ type: 'checkpoint', data: { iteration, digest: found.info.digest } });
    // Time spent on a stretch that was lost was spent all the same: the clock never goes back.
    const secondsElapsed = Math.max(found.state.secondsElapsed, this.#record.progress.secondsElapsed);
    return { ...found.state, secondsElapsed };
  }

  async #initialWeights(): Promise<NamedWeights[] | undefined> {
    const { from } = this.#record;
    if (from === undefined) return undefined;
    try {
      return await this.#deps.registry.readWeights(from);
    } catch (cause) {
      throw new StylographError(
        'no_seed_model',
        `The run starts from ${from}, which cannot be read: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  async #publish(
    dataset: Dataset,
    { iteration, served }: Candidate,
    evaluation: Evaluation | undefined,
  ): Promise<RunOutcome> {
    const { runs, registry, announce } = this.#deps;
    const { runId, fence } = this.#options;
    const modelId = await runs.beginPublishing(runId, fence, newModelId());
    if (modelId === undefined) {
      // The request is on record though its message has not reached this process.
      const reason = (await runs.get(runId)).state === 'cancelling' ? 'cancel' : 'pause';
      return { type: 'stopped', reason };
    }
    await this.#recorder.progress({ phase: 'publishing', secondsRemaining: 0 });
    await this.#recorder.flushProgress();
    const { preset, dataset: datasetId, config } = this.#record;
    const record: ModelRecord = {
      id: modelId,
      runId,
      preset,
      dataset: datasetId,
      iteration,
      latentDim: config.latentDim,
      image: imageSpec(dataset),
      config,
      digest: weightsDigest(served),
      ...(evaluation && { evaluation }),
      createdAt: new Date().toISOString(),
    };
    await registry.publish(record, served);
    if (!(await announce(modelId))) {
      const message = `${modelId} is published, but a server has not loaded it yet.`;
      await this.#recorder.warn(message);
    }
    return { type: 'succeeded', modelId };
  }
}
