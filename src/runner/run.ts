import type { TrainingState } from '../contracts/checkpoint.ts';
import { newModelId } from '../contracts/common.ts';
import type { Dataset } from '../contracts/dataset.ts';
import type { Evaluation, Validation } from '../contracts/evaluation.ts';
import { figureFile, type SampleSheet } from '../contracts/figures.ts';
import type { ImageSpec, ModelRecord, NamedWeights } from '../contracts/model.ts';
import type { RunEventBody, RunRecord } from '../contracts/run.ts';
import type { FromRunChild } from '../contracts/worker.ts';
import { errorCodeOf, StylographError } from '../errors.ts';
import type { DrawnSample } from '../figures/index.ts';
import type { RunEvents } from '../queue/events.ts';
import type { Series } from '../queue/metrics.ts';
import type { RunStore } from '../queue/runs.ts';
import type { FolderStore, ModelRegistry } from '../store/index.ts';
import { latestCheckpoint, saveCheckpoint, saveFigure, saveSnapshot, weightsDigest } from '../store/index.ts';
import type { TrainingEvent, TrainOptions } from '../training/loop.ts';
import { Backlog } from './backlog.ts';
import { type Candidate, chooseCandidate, keepBest } from './candidate.ts';
import { Diagnoser } from './diagnose.ts';
import { type DrawDependencies, drawRun } from './draw.ts';
import { type Evaluator, evaluateRun } from './evaluate.ts';
import { imageSpec } from './image-spec.ts';
import { ProgressReporter } from './progress.ts';

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

/** What learning rates are multiplied by after a loss that was not finite. */
const SETBACK_RATE = 0.3;
/** Events that may be on their way to the store while training goes on. */
const EVENTS_UNDERWAY = 64;

class Runner {
  readonly #events = new Backlog(EVENTS_UNDERWAY);
  /** One checkpoint at a time is written while training goes on. */
  readonly #checkpoints = new Backlog(1);
  readonly #deps: RunnerDependencies;
  readonly #options: RunnerOptions;
  readonly #record: RunRecord;
  readonly #progress: ProgressReporter;

  constructor(deps: RunnerDependencies, options: RunnerOptions, record: RunRecord) {
    this.#deps = deps;
    this.#options = options;
    this.#record = record;
    this.#progress = new ProgressReporter(record.progress, (data) => this.#tell({ type: 'progress', data }));
  }

  /** What was begun behind training's back is done, or has failed, before the run has an outcome. */
  async run(): Promise<RunOutcome> {
    try {
      const outcome = await this.#run();
      await this.#events.settled();
      return outcome;
    } finally {
      await Promise.allSettled([this.#checkpoints.settled(), this.#events.settled()]);
    }
  }

  async #run(): Promise<RunOutcome> {
    const { runId, fence, signal } = this.#options;
    await this.#progress.report({ phase: 'loading' });
    const trainer = await this.#deps.loadTrainer();
    await this.#deps.runs.patch(runId, fence, { device: trainer.device });
    const dataset = await this.#deps.loadDataset(this.#record.dataset);
    const resume = await this.#resumePoint();
    const evaluator = await this.#deps.loadEvaluator();
    const diagnoser = await Diagnoser.open(evaluator, {
      record: this.#record,
      dataset,
      store: this.#deps.store,
      tell: (body) => this.#tell(body),
      resumedAt: resume?.iteration ?? 0,
    });
    const state = await this.#trainOrGoBack(trainer, dataset, diagnoser, resume);
    if (signal.aborted) return { type: 'stopped', reason: signal.reason as 'cancel' | 'pause' | 'requeue' };
    if (state === undefined) throw new TypeError('training ended without a checkpoint of its last iteration');
    const last = { iteration: state.iteration, served: trainer.servedWeights(state) };
    const candidate = await chooseCandidate(this.#keeping, last, diagnoser.best);
    const evaluation = await this.#evaluate(evaluator, dataset, candidate, state.secondsElapsed);
    if (evaluation) await diagnoser.evaluated(evaluation, candidate.iteration);
    diagnoser.dispose();
    if (!signal.aborted) await this.#draw(trainer, dataset, candidate);
    if (signal.aborted) return { type: 'stopped', reason: signal.reason as 'cancel' | 'pause' | 'requeue' };
    return await this.#publish(dataset, candidate, evaluation);
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
      tell: (body) => this.#tell(body),
      report: (change) => this.#progress.report(change),
    });
  }

  async #draw(trainer: Trainer, dataset: Dataset, { iteration, served }: Candidate): Promise<void> {
    const { store, drawFigures, metrics } = this.#deps;
    const { id: runId, config, seed } = this.#record;
    const record = { runId, iteration, image: imageSpec(dataset), config, digest: weightsDigest(served) };
    const tools = { ...trainer, store, drawFigures, metrics };
    await drawRun(
      { ...tools, tell: (body) => this.#tell(body), report: (change) => this.#progress.report(change) },
      { record, served, dataset, seed, signal: this.#options.signal },
    );
    await this.#progress.flush();
  }

  async #tell(body: RunEventBody): Promise<void> {
    const { runId, fence } = this.#options;
    await this.#events.add(async () => void (await this.#deps.events.append(runId, fence, body)));
  }

  async #resumePoint(): Promise<TrainingState | undefined> {
    const found = await latestCheckpoint(this.#deps.store, this.#record.id, (message) =>
      this.#tell({ type: 'log', data: { level: 'warn', message } }),
    );
    if (found === undefined) return undefined;
    const { iteration } = found.state;
    // The process that stored it may have died before it could tell.
    await this.#tell({ type: 'checkpoint', data: { iteration, digest: found.info.digest } });
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

  get #keeping() {
    const { config } = this.#record;
    return { store: this.#deps.store, runId: this.#record.id, config, tell: this.#tell.bind(this) };
  }

  /**
   * Trains; a loss that is not finite sends the run back to its last checkpoint once, to go on with lower rates.
   * @returns the newest state there is when training ends
   * @throws diverged when it happens again
   */
  async #trainOrGoBack(
    trainer: Trainer,
    dataset: Dataset,
    diagnoser: Diagnoser,
    resume: TrainingState | undefined,
  ): Promise<TrainingState | undefined> {
    const start = { newest: resume };
    try {
      return await this.#train(trainer, dataset, diagnoser, start);
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
      await this.#tell({ type: 'log', data: { level: 'warn', message: `${what} ${remedy}` } });
      diagnoser.wentBack(iteration);
      const lower = { newest, rateScale: SETBACK_RATE };
      return await this.#train(trainer, dataset, diagnoser, lower).catch(async (again: unknown) => {
        if (errorCodeOf(again) === 'diverged') await diagnoser.diverged((again as Error).message);
        throw again;
      });
    }
  }

  /** Keeps the newest state in `at`, where a run that failed is gone on from. */
  async #train(
    trainer: Trainer,
    dataset: Dataset,
    diagnoser: Diagnoser,
    at: { newest: TrainingState | undefined; rateScale?: number },
  ): Promise<TrainingState | undefined> {
    const { config, seed } = this.#record;
    const { newest: resume, rateScale } = at;
    const initial = resume === undefined ? await this.#initialWeights() : undefined;
    const { signal } = this.#options;
    if (signal.aborted) return resume;
    const options = { config, dataset, seed, resume, initial, rateScale, signal };
    for await (const event of trainer.train(options)) {
      switch (event.type) {
        case 'progress':
          await this.#progress.report(event.progress);
          break;
        case 'metrics':
          await this.#tell({ type: 'metrics', data: { iteration: event.iteration, ...event.values } });
          await diagnoser.metrics(event.iteration, event.values);
          break;
        case 'sample':
          await this.#sample(event.sheet, event.iteration, imageSpec(dataset));
          break;
        case 'checkpoint':
          await this.#checkpointDue(trainer, event.state, diagnoser);
          at.newest = event.state;
          break;
        case 'snapshot':
          await this.#checkpoints.add(() => this.#snapshot(event.iteration, event.decoder));
      }
    }
    await this.#progress.flush();
    await this.#checkpoints.settled();
    await this.#events.settled();
    return at.newest;
  }

  async #sample(sheet: SampleSheet, iteration: number, spec: ImageSpec): Promise<void> {
    const { kind, label, png } = await this.#deps.drawSample(sheet, spec);
    const figure = figureFile({ kind, label, iteration, extension: 'png' });
    await saveFigure(this.#deps.store, this.#record.id, figure, png);
    await this.#tell({ type: 'sample', data: { iteration, figure } });
  }

  async #snapshot(iteration: number, decoder: NamedWeights[]): Promise<void> {
    const { runId, fence } = this.#options;
    await this.#deps.runs.checkFence(runId, fence);
    await saveSnapshot(this.#deps.store, runId, iteration, decoder);
  }

  async #checkpointDue(trainer: Trainer, state: TrainingState, diagnoser: Diagnoser): Promise<void> {
    const served = trainer.servedWeights(state);
    await diagnoser.checkpoint(state, served);
    const { best } = diagnoser;
    await this.#checkpoints.add(async () => {
      if (best?.iteration === state.iteration) await this.#keepBest(best, served);
      await this.#checkpoint(trainer, state);
    });
  }

  async #keepBest(best: Validation, served: NamedWeights[]): Promise<void> {
    const { runId, fence } = this.#options;
    await this.#deps.runs.checkFence(runId, fence);
    if (await keepBest(this.#keeping, best, served)) await this.#deps.runs.patch(runId, fence, { best });
  }

  async #checkpoint(trainer: Trainer, state: TrainingState): Promise<void> {
    const { runId, fence } = this.#options;
    const { config, seed } = this.#record;
    const told = this.#events.settled();
    told.catch(() => undefined);
    const { digest } = await saveCheckpoint(this.#deps.store, runId, {
      state,
      served: trainer.servedWeights(state),
      config,
      seed,
      fence,
      software: trainer.software,
      beforeCommit: async () => {
        // What happened before a checkpoint is never computed again: it must have been told.
        await told;
        await this.#deps.runs.checkFence(runId, fence);
      },
    });
    await this.#tell({ type: 'checkpoint', data: { iteration: state.iteration, digest } });
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
    await this.#progress.report({ phase: 'publishing', secondsRemaining: 0 });
    await this.#progress.flush();
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
      await this.#tell({ type: 'log', data: { level: 'warn', message } });
    }
    return { type: 'succeeded', modelId };
  }
}
