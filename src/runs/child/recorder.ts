import type { TrainingState } from '../../core/contracts/checkpoint.ts';
import type { Validation } from '../../core/contracts/evaluation.ts';
import { figureFile, type SampleSheet } from '../../core/contracts/figures.ts';
import type { ImageSpec, NamedWeights } from '../../core/contracts/model.ts';
import type { RunEventBody, RunProgress, RunRecord } from '../../core/contracts/run.ts';
import type { DrawnSample } from '../../figures/draw-sheets.ts';
import { type FolderStore, saveBest, saveCheckpoint, saveFigure, saveSnapshot } from '../../store/index.ts';
import { Backlog } from './backlog.ts';
import { isJudgedByValidation } from './candidate.ts';
import type { RunLedger } from './ledger.ts';
import { ProgressReporter } from './progress.ts';

/** Events that may wait to be appended while training continues. */
const EVENTS_PENDING = 64;

export interface RecorderDependencies extends Pick<RunLedger, 'runs' | 'events'> {
  store: FolderStore;
  drawSample(sheet: SampleSheet, spec: ImageSpec): Promise<DrawnSample>;
}

/** A checkpoint and what is stored with it. */
export interface CheckpointToSave {
  state: TrainingState;
  served: NamedWeights[];
  /** The best checkpoint up to this one. */
  best: Validation | undefined;
  /** Versions of the software that computed it, by name. */
  software: Record<string, string>;
}

/** Stores a run's results and appends its events in the background, in order and under the run's fence. */
export class Recorder {
  readonly #events = new Backlog(EVENTS_PENDING);
  /** One checkpoint at a time is written while training continues. */
  readonly #checkpoints = new Backlog(1);
  readonly #deps: RecorderDependencies;
  readonly #record: RunRecord;
  readonly #fence: number;
  readonly #progress: ProgressReporter;

  constructor(deps: RecorderDependencies, record: RunRecord, fence: number) {
    this.#deps = deps;
    this.#record = record;
    this.#fence = fence;
    this.#progress = new ProgressReporter(record.progress, (data) => this.append({ type: 'progress', data }));
  }

  /** Appends to the run's event stream. @throws what hindered an earlier event */
  readonly append = async (body: RunEventBody): Promise<void> => {
    const { id: runId } = this.#record;
    await this.#events.add(async () => void (await this.#deps.events.append(runId, this.#fence, body)));
  };

  readonly log = async (message: string): Promise<void> => {
    await this.append({ type: 'log', data: { level: 'info', message } });
  };

  readonly warn = async (message: string): Promise<void> => {
    await this.append({ type: 'log', data: { level: 'warn', message } });
  };

  async progress(change: Partial<RunProgress>): Promise<void> {
    await this.#progress.report(change);
  }

  /** Appends the newest progress even if a report has just been made. */
  async flushProgress(): Promise<void> {
    await this.#progress.flush();
  }

  async sample(sheet: SampleSheet, iteration: number, spec: ImageSpec): Promise<void> {
    const { kind, label, png } = await this.#deps.drawSample(sheet, spec);
    const figure = figureFile({ kind, label, iteration, extension: 'png' });
    await saveFigure(this.#deps.store, this.#record.id, figure, png);
    await this.append({ type: 'sample', data: { iteration, figure } });
  }

  async snapshot(iteration: number, decoder: NamedWeights[]): Promise<void> {
    await this.#checkpoints.add(async () => {
      await this.#checkFence();
      await saveSnapshot(this.#deps.store, this.#record.id, iteration, decoder);
    });
  }

  /** The best weights are stored before the checkpoint that refers to them. */
  async checkpoint(checkpoint: CheckpointToSave): Promise<void> {
    await this.#checkpoints.add(async () => {
      const { best, state, served } = checkpoint;
      if (best?.iteration === state.iteration) await this.#saveBest(best, served);
      await this.#saveCheckpoint(checkpoint);
    });
  }

  async #saveBest(best: Validation, served: NamedWeights[]): Promise<void> {
    const { id: runId, config } = this.#record;
    await this.#checkFence();
    if (!isJudgedByValidation(config)) return;
    await saveBest(this.#deps.store, runId, best.iteration, served);
    await this.#deps.runs.patch(runId, this.#fence, { best });
  }

  async #saveCheckpoint({ state, served, software }: CheckpointToSave): Promise<void> {
    const { id: runId, config, seed } = this.#record;
    const appended = this.#events.settled();
    appended.catch(() => undefined);
    const { digest } = await saveCheckpoint(this.#deps.store, runId, {
      ...{ state, served, config, seed, fence: this.#fence, software },
      beforeCommit: async () => {
        // What precedes a checkpoint is never computed again, so its events must be in the stream.
        await appended;
        await this.#checkFence();
      },
    });
    await this.append({ type: 'checkpoint', data: { iteration: state.iteration, digest } });
  }

  async #checkFence(): Promise<void> {
    await this.#deps.runs.checkFence(this.#record.id, this.#fence);
  }

  /** Resolves when everything is stored and appended. @throws disk_full, fence_lost, or what else hindered it */
  async settled(): Promise<void> {
    await this.#checkpoints.settled();
    await this.#events.settled();
  }

  /** Resolves when nothing is pending, whether or not it failed. */
  async ended(): Promise<void> {
    await Promise.allSettled([this.#checkpoints.settled(), this.#events.settled()]);
  }
}
