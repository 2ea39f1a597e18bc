import type { TrainingState } from '../../core/contracts/checkpoint.ts';
import type { Validation } from '../../core/contracts/evaluation.ts';
import { figureFile, type SampleSheet } from '../../core/contracts/figures.ts';
import type { ImageSpec, NamedWeights } from '../../core/contracts/model.ts';
import type { RunEventBody, RunProgress, RunRecord } from '../../core/contracts/run.ts';
import { saveCheckpoint, saveFigure, saveSnapshot } from '../../store/index.ts';
import { Backlog } from './backlog.ts';
import { type Keeping, keepBest } from './candidate.ts';
import { ProgressReporter } from './progress.ts';
import type { RunnerDependencies } from './run.ts';

/** Events that may be on their way to the store while training goes on. */
const EVENTS_UNDERWAY = 64;

/** What is needed to store and tell what a run does. */
export type RecorderDependencies = Pick<RunnerDependencies, 'store' | 'runs' | 'events' | 'drawSample'>;

/** A checkpoint and what belongs to it. */
export interface DueCheckpoint {
  state: TrainingState;
  served: NamedWeights[];
  /** The best checkpoint up to this one. */
  best: Validation | undefined;
  /** Versions of what computed it, by name. */
  software: Record<string, string>;
}

/** Stores and tells what a run does, behind the back of training, in order and under the run's fence. */
export class Recorder {
  readonly #events = new Backlog(EVENTS_UNDERWAY);
  /** One checkpoint at a time is written while training goes on. */
  readonly #checkpoints = new Backlog(1);
  readonly #deps: RecorderDependencies;
  readonly #record: RunRecord;
  readonly #fence: number;
  readonly #progress: ProgressReporter;

  constructor(deps: RecorderDependencies, record: RunRecord, fence: number) {
    this.#deps = deps;
    this.#record = record;
    this.#fence = fence;
    this.#progress = new ProgressReporter(record.progress, (data) => this.tell({ type: 'progress', data }));
  }

  /** Where the best checkpoint's weights are kept. */
  get keeping(): Keeping {
    const { id: runId, config } = this.#record;
    return { store: this.#deps.store, runId, config, tell: (body) => this.tell(body) };
  }

  async tell(body: RunEventBody): Promise<void> {
    const { id: runId } = this.#record;
    await this.#events.add(async () => void (await this.#deps.events.append(runId, this.#fence, body)));
  }

  async warn(message: string): Promise<void> {
    await this.tell({ type: 'log', data: { level: 'warn', message } });
  }

  async progress(change: Partial<RunProgress>): Promise<void> {
    await this.#progress.report(change);
  }

  /** Tells the newest progress though another was told just now. */
  async flushProgress(): Promise<void> {
    await this.#progress.flush();
  }

  async sample(sheet: SampleSheet, iteration: number, spec: ImageSpec): Promise<void> {
    const { kind, label, png } = await this.#deps.drawSample(sheet, spec);
    const figure = figureFile({ kind, label, iteration, extension: 'png' });
    await saveFigure(this.#deps.store, this.#record.id, figure, png);
    await this.tell({ type: 'sample', data: { iteration, figure } });
  }

  async snapshot(iteration: number, decoder: NamedWeights[]): Promise<void> {
    await this.#checkpoints.add(async () => {
      await this.#checkFence();
      await saveSnapshot(this.#deps.store, this.#record.id, iteration, decoder);
    });
  }

  /** The weights of the best are kept before the checkpoint that knows of them. */
  async checkpoint(due: DueCheckpoint): Promise<void> {
    await this.#checkpoints.add(async () => {
      const { best, state, served } = due;
      if (best?.iteration === state.iteration) await this.#keepBest(best, served);
      await this.#save(due);
    });
  }

  async #keepBest(best: Validation, served: NamedWeights[]): Promise<void> {
    await this.#checkFence();
    if (await keepBest(this.keeping, best, served)) {
      await this.#deps.runs.patch(this.#record.id, this.#fence, { best });
    }
  }

  async #save({ state, served, software }: DueCheckpoint): Promise<void> {
    const { id: runId, config, seed } = this.#record;
    const told = this.#events.settled();
    told.catch(() => undefined);
    const { digest } = await saveCheckpoint(this.#deps.store, runId, {
      ...{ state, served, config, seed, fence: this.#fence, software },
      beforeCommit: async () => {
        // What happened before a checkpoint is never computed again: it must have been told.
        await told;
        await this.#checkFence();
      },
    });
    await this.tell({ type: 'checkpoint', data: { iteration: state.iteration, digest } });
  }

  async #checkFence(): Promise<void> {
    await this.#deps.runs.checkFence(this.#record.id, this.#fence);
  }

  /** Resolves when all is stored and told. @throws disk_full, fence_lost, and whatever else hindered it */
  async settled(): Promise<void> {
    await this.#checkpoints.settled();
    await this.#events.settled();
  }

  /** The same for whoever knows already what went wrong. */
  async ended(): Promise<void> {
    await Promise.allSettled([this.#checkpoints.settled(), this.#events.settled()]);
  }
}
