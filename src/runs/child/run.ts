import type { TrainingState } from '../../core/contracts/checkpoint.ts';
import { newModelId } from '../../core/contracts/common.ts';
import type { Dataset } from '../../core/contracts/dataset.ts';
import type { Evaluation } from '../../core/contracts/evaluation.ts';
import type { ImageSpec, ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import type { RunRecord } from '../../core/contracts/run.ts';
import type { FromRunChild, ToRunChild } from '../../core/contracts/worker.ts';
import { StylographError, stopsRun } from '../../core/errors.ts';
import { latestCheckpoint, type ModelRegistry, weightsDigest } from '../../store/index.ts';
import { type Candidate, chooseCandidate } from './candidate.ts';
import { Diagnoser } from './diagnoser.ts';
import { type DrawDependencies, drawRun } from './draw.ts';
import { type Evaluator, evaluateRun } from './evaluate.ts';
import type { RunLedger } from './ledger.ts';
import { Recorder, type RecorderDependencies } from './recorder.ts';
import { type TrainingEngine, trainWithRetry } from './train.ts';

/** What a run reads, writes and computes with. */
export interface RunDependencies extends RunLedger, RecorderDependencies {
  registry: ModelRegistry;
  loadDataset(id: string): Promise<Dataset>;
  loadEngine(): Promise<TrainingEngine>;
  loadEvaluator(): Promise<Evaluator>;
  drawFigures: DrawDependencies['drawFigures'];
}

export interface RunOptions {
  runId: string;
  /** The fencing token of the worker that owns the run. */
  fence: number;
  /** Its reason is a {@link StopReason}. */
  signal: AbortSignal;
}

type StopReason = Extract<ToRunChild, { type: 'stop' }>['reason'];
export type RunOutcome = Extract<FromRunChild, { type: 'succeeded' | 'stopped' }>;

/**
 * Trains a run from its newest checkpoint to the end or until it is stopped: stores checkpoints and pictures, appends
 * events, evaluates the model and publishes it.
 * @throws fence_lost when another worker owns the run, disk_full, diverged, dataset_*, no_seed_model
 */
export async function runTraining(deps: RunDependencies, options: RunOptions): Promise<RunOutcome> {
  const record = await deps.runs.get(options.runId);
  const recorder = new Recorder(deps, record, options.fence);
  try {
    const outcome = await new Run(deps, options, record, recorder).complete();
    await recorder.settled();
    return outcome;
  } finally {
    await recorder.ended();
  }
}

const imageSpecOf = ({ width, height, channels, labels }: Dataset['info']): ImageSpec => ({
  width,
  height,
  channels,
  labels: labels.map(({ name }) => name),
});

class Run {
  readonly #deps: RunDependencies;
  readonly #options: RunOptions;
  readonly #record: RunRecord;
  readonly #recorder: Recorder;

  constructor(deps: RunDependencies, options: RunOptions, record: RunRecord, recorder: Recorder) {
    this.#deps = deps;
    this.#options = options;
    this.#record = record;
    this.#recorder = recorder;
  }

  async complete(): Promise<RunOutcome> {
    const { runId, fence, signal } = this.#options;
    await this.#recorder.progress({ phase: 'loading' });
    const engine = await this.#deps.loadEngine();
    await this.#deps.runs.patch(runId, fence, { device: engine.device });
    const dataset = await this.#deps.loadDataset(this.#record.dataset);
    const image = imageSpecOf(dataset.info);
    const resume = await this.#resumePoint();
    const evaluator = await this.#deps.loadEvaluator();
    await this.#prepare(evaluator, dataset);
    if (signal.aborted) return this.#stopped();

    const diagnoser = await this.#openDiagnoser(evaluator, dataset, image, resume?.iteration ?? 0);
    const { last, secondsElapsed } = await this.#train(engine, dataset, image, diagnoser, resume);
    if (signal.aborted) return this.#stopped();
    if (last === undefined) throw new TypeError('training ended without a checkpoint of its last iteration');

    const { best } = diagnoser;
    const { store } = this.#deps;
    const candidate = await chooseCandidate(store, this.#record, { last, best }, this.#recorder.warn);
    const evaluation = await evaluateRun(evaluator, {
      known: this.#record.evaluation,
      record: { image, config: this.#record.config },
      served: candidate.served,
      dataset,
      secondsElapsed,
      signal,
      recorder: this.#recorder,
    });
    if (evaluation) await diagnoser.evaluated(evaluation, candidate.iteration);
    diagnoser.dispose();
    if (!signal.aborted) await this.#draw(engine, dataset, image, candidate);
    if (signal.aborted) return this.#stopped();
    return await this.#publish(image, candidate, evaluation);
  }

  #stopped(): RunOutcome {
    return { type: 'stopped', reason: this.#options.signal.reason as StopReason };
  }

  /** A run whose dataset has no reference classifier still trains; its model is published without an evaluation. */
  async #prepare(evaluator: Evaluator, dataset: Dataset): Promise<void> {
    const { signal } = this.#options;
    try {
      await evaluator.prepare(dataset, { signal, log: this.#recorder.log });
    } catch (error) {
      if (signal.aborted) return;
      if (stopsRun(error)) throw error;
      await this.#recorder.warn(`The model will not be evaluated: ${(error as Error).message}`);
    }
  }

  async #openDiagnoser(
    evaluator: Evaluator,
    dataset: Dataset,
    image: ImageSpec,
    resumedAt: number,
  ): Promise<Diagnoser> {
    return await Diagnoser.open({
      record: this.#record,
      image,
      store: this.#deps.store,
      scorer: await evaluator.openScorer(dataset, { image, config: this.#record.config }),
      recorder: this.#recorder,
      resumedAt,
    });
  }

  async #train(
    engine: TrainingEngine,
    dataset: Dataset,
    image: ImageSpec,
    diagnoser: Diagnoser,
    resume: TrainingState | undefined,
  ): Promise<{ last: Candidate | undefined; secondsElapsed: number }> {
    const training = {
      ...{ engine, dataset, image, diagnoser },
      record: this.#record,
      recorder: this.#recorder,
      initialWeights: () => this.#initialWeights(),
      signal: this.#options.signal,
    };
    const state = await trainWithRetry(training, resume);
    if (state === undefined) return { last: undefined, secondsElapsed: 0 };
    const { iteration, secondsElapsed } = state;
    return { last: { iteration, served: engine.servedWeights(state) }, secondsElapsed };
  }

  async #draw(
    engine: TrainingEngine,
    dataset: Dataset,
    image: ImageSpec,
    { iteration, served }: Candidate,
  ): Promise<void> {
    const { store, drawFigures, metrics } = this.#deps;
    const { id: runId, config, seed } = this.#record;
    const record = { runId, iteration, image, config, digest: weightsDigest(served) };
    const { signal } = this.#options;
    await drawRun(
      { store, engine, drawFigures, metrics, recorder: this.#recorder },
      { record, served, dataset, seed, signal },
    );
    await this.#recorder.flushProgress();
  }

  async #resumePoint(): Promise<TrainingState | undefined> {
    const { store } = this.#deps;
    const found = await latestCheckpoint(store, this.#record.id, this.#recorder.warn);
    if (found === undefined) return undefined;
    const { iteration } = found.state;
    // The process that stored it may have died before it appended the event.
    await this.#recorder.append({ type: 'checkpoint', data: { iteration, digest: found.info.digest } });
    // Time spent on iterations that were lost still counts, so the clock never goes back.
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
    image: ImageSpec,
    { iteration, served }: Candidate,
    evaluation: Evaluation | undefined,
  ): Promise<RunOutcome> {
    const { runs, registry, announce } = this.#deps;
    const { runId, fence } = this.#options;
    const modelId = await runs.beginPublishing(runId, fence, newModelId());
    if (modelId === undefined) {
      // A request to stop is on record, but its message has not reached this process.
      const reason = (await runs.get(runId)).state === 'cancelling' ? 'cancel' : 'pause';
      return { type: 'stopped', reason };
    }
    await this.#recorder.progress({ phase: 'publishing', secondsRemaining: 0 });
    await this.#recorder.flushProgress();
    const { preset, dataset, config } = this.#record;
    const record: ModelRecord = {
      id: modelId,
      runId,
      preset,
      dataset,
      iteration,
      latentDim: config.latentDim,
      image,
      config,
      digest: weightsDigest(served),
      ...(evaluation && { evaluation }),
      createdAt: new Date().toISOString(),
    };
    await registry.publish(record, served);
    if (!(await announce(modelId))) {
      await this.#recorder.warn(`${modelId} is published, but a server has not loaded it yet.`);
    }
    return { type: 'succeeded', modelId };
  }
}
