import { newModelId } from '../contracts/common.ts';
import type { Dataset } from '../contracts/dataset.ts';
import type { ImageSpec, ModelRecord } from '../contracts/model.ts';
import type { RunProgress, RunRecord } from '../contracts/run.ts';
import type { FromRunChild } from '../contracts/worker.ts';
import { loadDataset } from '../data/index.ts';
import { drawSample } from '../figures/samples.ts';
import type { RedisConnection } from '../queue/connection.ts';
import type { RunEvents } from '../queue/events.ts';
import type { Keys } from '../queue/keys.ts';
import { awaitLoaded, publishModel } from '../queue/published.ts';
import type { RunStore } from '../queue/runs.ts';
import {
  type FolderStore,
  latestCheckpoint,
  type ModelRegistry,
  saveCheckpoint,
  saveFigure,
  weightsDigest,
} from '../store/index.ts';
import { device, servedWeights, type TrainingEvent, train } from '../training/loop.ts';

/** At most four progress events a second. */
const PROGRESS_MS = 250;
/** How long a run waits for the servers to have loaded its model before it says that it succeeded. */
const LOADED_MS = 10_000;

export interface RunnerDeps {
  runs: RunStore;
  events: RunEvents;
  redis: RedisConnection;
  keys: Keys;
  store: FolderStore;
  models: ModelRegistry;
  /** Folder of the datasets. */
  dataDir: string;
  /** Versions of the software, kept with every checkpoint. */
  software: Record<string, string>;
}

type Outcome = Exclude<FromRunChild, { type: 'ready' }>;
type TrainingState = Extract<TrainingEvent, { type: 'checkpoint' }>['state'];

/**
 * Sees one run through: loads, trains from its last checkpoint, tells every event, stores checkpoints and pictures, and
 * publishes the model. Every write shows the fence, so that a worker that lost the run can change nothing.
 *
 * @param signal aborts with the reason `cancel`, `pause` or `requeue`
 * @throws StylographError as training, store and queue do
 */
export async function runTraining(
  runId: string,
  fence: number,
  deps: RunnerDeps,
  signal: AbortSignal,
): Promise<Outcome> {
  const { runs, events, store, models } = deps;
  const run = await runs.get(runId);
  const teller = new Teller(runId, fence, events, run.progress);
  await teller.progress({ ...run.progress, phase: 'loading' });
  await runs.patch(runId, fence, { device });

  const dataset = await loadDataset(run.dataset, deps.dataDir);
  const stored = await latestCheckpoint(store, runId, (message) => teller.log('warn', message));
  const initial = run.from && !stored ? await models.readWeights(run.from) : undefined;
  // Work that a crash threw away was time spent all the same.
  const resume = stored && {
    ...stored.state,
    secondsElapsed: Math.max(stored.state.secondsElapsed, run.progress.secondsElapsed),
  };
  if (resume) await teller.log('info', `Going on from the checkpoint of iteration ${resume.iteration}.`);

  let state: TrainingState | undefined = resume;
  const { config, seed } = run;
  for await (const event of train({ config, dataset, seed, resume, initial, signal })) {
    if (event.type === 'progress') await teller.progress(event.progress);
    if (event.type === 'metrics') await teller.metrics(event.iteration, event.values);
    if (event.type === 'sample') await tellSample(event, imageSpec(dataset), deps, teller);
    if (event.type === 'checkpoint') {
      state = event.state;
      const info = await saveCheckpoint(store, runId, {
        state,
        served: servedWeights(state),
        config,
        seed,
        fence,
        software: deps.software,
        beforeCommit: () => runs.checkFence(runId, fence),
      });
      await events.append(runId, fence, {
        type: 'checkpoint',
        data: { iteration: info.iteration, digest: info.digest },
      });
    }
  }
  if (signal.aborted || state?.iteration !== config.iterations) return stopped(signal.reason);
  return publish(run, fence, state, dataset, deps, teller);
}

const stopped = (reason: unknown): Outcome => ({
  type: 'stopped',
  reason: reason as 'cancel' | 'pause' | 'requeue',
});

const imageSpec = ({ info }: Dataset): ImageSpec => ({
  width: info.width,
  height: info.height,
  channels: info.channels,
  labels: info.labels.map(({ name }) => name),
});

async function tellSample(
  { iteration, sheet }: Extract<TrainingEvent, { type: 'sample' }>,
  spec: ImageSpec,
  { store }: RunnerDeps,
  teller: Teller,
): Promise<void> {
  const { file, png } = await drawSample(sheet, spec);
  const figure = `${file}-${String(iteration).padStart(7, '0')}.png`;
  await saveFigure(store, teller.runId, figure, png);
  await teller.events.append(teller.runId, teller.fence, { type: 'sample', data: { iteration, figure } });
}

/** Publishes the last iterate, and waits a little for the servers to have loaded it. */
async function publish(
  run: RunRecord,
  fence: number,
  state: TrainingState,
  dataset: Dataset,
  deps: RunnerDeps,
  teller: Teller,
): Promise<Outcome> {
  await teller.enter('publishing', state);
  const modelId = await deps.runs.beginPublishing(run.id, fence, newModelId());
  if (modelId === undefined) {
    // Asked in the last moment: the record says what.
    return stopped((await deps.runs.get(run.id)).state === 'pausing' ? 'pause' : 'cancel');
  }
  const weights = servedWeights(state);
  const record: ModelRecord = {
    id: modelId,
    runId: run.id,
    preset: run.preset,
    dataset: run.dataset,
    iteration: state.iteration,
    latentDim: run.config.latentDim,
    image: imageSpec(dataset),
    config: run.config,
    digest: weightsDigest(weights),
    createdAt: new Date().toISOString(),
  };
  await deps.models.publish(record, weights);
  const servers = await publishModel(deps.redis, deps.keys, modelId);
  await awaitLoaded(deps.redis, deps.keys, modelId, servers, LOADED_MS);
  return { type: 'succeeded', modelId };
}

/** Tells a run's events under its fence; keeps progress to a bounded rate. */
class Teller {
  readonly runId: string;
  readonly fence: number;
  readonly events: RunEvents;
  #progress: RunProgress;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(runId: string, fence: number, events: RunEvents, progress: RunProgress) {
    this.runId = runId;
    this.fence = fence;
    this.events = events;
    this.#progress = progress;
  }

  /** A change of phase and the last iteration are always told. */
  async progress(progress: RunProgress): Promise<void> {
    const changed = progress.phase !== this.#progress.phase || progress.iteration === progress.iterations;
    this.#progress = progress;
    if (!changed && performance.now() - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = performance.now();
    await this.events.append(this.runId, this.fence, { type: 'progress', data: progress });
  }

  async enter(phase: RunProgress['phase'], { iteration, secondsElapsed }: TrainingState): Promise<void> {
    await this.progress({ ...this.#progress, phase, iteration, secondsElapsed, secondsRemaining: 0 });
  }

  async metrics(iteration: number, values: Record<string, number | null>): Promise<void> {
    await this.events.append(this.runId, this.fence, { type: 'metrics', data: { iteration, ...values } });
  }

  async log(level: 'info' | 'warn', message: string): Promise<void> {
    await this.events.append(this.runId, this.fence, { type: 'log', data: { level, message } });
  }
}
