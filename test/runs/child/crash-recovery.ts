import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RunEvent } from '../../../src/core/contracts/run.ts';
import { type RunDependencies, runTraining } from '../../../src/runs/child/run.ts';
import { readMetrics } from '../../../src/runs/redis/metrics.ts';
import {
  claimRun,
  type FolderStore,
  fencedStore,
  listFigures,
  listSnapshots,
  ModelRegistry,
  openFolderStore,
  weightsDigest,
} from '../../../src/store/index.ts';
import { listFilms } from '../../../src/store/run-files.ts';
import { exampleEvaluation, exampleValidation } from '../../training/evaluation/example-evaluations.ts';
import { fakeDataset, fakeEngine, fakeEvaluator } from '../fake-training.ts';
import { allEvents, newRun, type Workplace, workplace } from '../support.ts';
import { type Crash, SimulatedProcess } from './simulated-process.ts';

/** A short run with events and files of every kind. */
const CONFIG = {
  iterations: 6,
  metricsEvery: 2,
  sampleEvery: 3,
  checkpointEvery: 2,
  warmupIterations: 0,
  figures: { frames: 2, grid: 2 },
};
/** Runs that are tried at the same time. */
const CONCURRENCY = 16;

interface TriedRun {
  /** The steps of its first process, by name. */
  steps: string[];
  /** Everything that the run left, without what differs between runs: times, ids and how often it was started. */
  outcome: object;
}

/** Runs a short training, in a process that may crash and then in one that resumes it. */
export class CrashRecovery {
  readonly #place: Workplace;
  readonly #store: FolderStore;
  readonly #registry: ModelRegistry;

  private constructor(place: Workplace, store: FolderStore) {
    this.#place = place;
    this.#store = store;
    this.#registry = new ModelRegistry(store);
  }

  static async open(t: TestContext): Promise<CrashRecovery> {
    const place = await workplace(t, { queueLimit: 10_000 });
    return new CrashRecovery(place, await openFolderStore(join(place.folder, 'store')));
  }

  /** Runs without a crash. */
  async uninterrupted(): Promise<TriedRun> {
    return await this.#run();
  }

  /** Asserts that a run that crashes ends like one that does not, for each of the crashes. */
  async assertRecovery(crashes: Crash[], { outcome }: TriedRun): Promise<void> {
    const waiting = [...crashes];
    while (waiting.length > 0) {
      const batch = waiting.splice(0, CONCURRENCY);
      const runs = await Promise.all(batch.map(async (crash) => ({ crash, run: await this.#run(crash) })));
      for (const { crash, run } of runs) {
        assert.deepEqual(run.outcome, outcome, describe(crash));
      }
    }
  }

  async #run(crash?: Crash): Promise<TriedRun> {
    const { runs } = this.#place;
    const { id } = (await runs.create(newRun(CONFIG))).run;
    const first = new SimulatedProcess(crash);
    await Promise.race([this.#train(id, first), first.crashed]);
    if ((await runs.get(id)).state !== 'succeeded') await this.#train(id, new SimulatedProcess());
    const { items } = await this.#registry.list({ limit: 10_000 });
    const models = items.filter(({ runId }) => runId === id);
    const run = await runs.get(id);
    const found = [run.state, models.map((model) => model.id)];
    assert.deepEqual(found, ['succeeded', [run.modelId]], crash && describe(crash));
    const left = {
      published: [models[0]!.iteration, models[0]!.digest],
      best: run.best,
      evaluation: run.evaluation,
      metrics: await readMetrics(this.#place.redis, this.#place.keys, id),
      figures: await listFigures(this.#store, id),
      films: (await listFilms(this.#store, id)).length,
      snapshots: await listSnapshots(this.#store, id),
    };
    return { steps: first.steps, outcome: { ...left, ...eventsByType(await allEvents(this.#place, id)) } };
  }

  /** Does what a worker and its run child do, from taking the run to recording how it ended. */
  async #train(runId: string, process: SimulatedProcess): Promise<void> {
    const runs = process.wrap('runs', this.#place.runs);
    const fence = (await runs.take({ runId, number: 1 }))!;
    const shared = process.wrap('store', this.#store, fileKind);
    const store = fencedStore(shared, () => runs.checkFence(runId, fence));
    await claimRun(store, runId, fence);
    const deps = this.#dependencies(process, runs, store);
    const outcome = await runTraining(deps, { runId, fence, signal: new AbortController().signal });
    assert.ok(outcome.type === 'succeeded');
    await runs.settle(runId, fence, 'succeeded', { modelId: outcome.modelId });
  }

  #dependencies(process: SimulatedProcess, runs: Workplace['runs'], store: FolderStore): RunDependencies {
    const { redis, keys, events } = this.#place;
    return {
      runs,
      events: process.wrap('events', events, (_runId, _fence, body) => (body as RunEvent).type),
      metrics: (id) => process.step('metrics', () => readMetrics(redis, keys, id)),
      announce: () => process.step('announce', async () => true),
      store,
      registry: process.wrap('registry', this.#registry),
      loadEngine: async () => fakeEngine,
      loadDataset: async () => fakeDataset,
      loadEvaluator: async () =>
        fakeEvaluator({
          openScorer: async () => ({ score: scoreMiddleBest, dispose: () => undefined }),
          evaluate: ({ weights }) =>
            process.step('evaluate', async () => exampleEvaluation({ modelDigest: weightsDigest(weights) })),
        }),
      drawFigures: async () => [
        { kind: 'losses', label: undefined, extension: 'png', bytes: new Uint8Array([1]) },
      ],
      drawSample: async () => ({ kind: 'scatter', label: 1, png: new Uint8Array([2]) }),
    };
  }
}

const describe = ({ step, occurrence, when }: Crash): string =>
  `after a crash ${when} step "${step}", number ${occurrence} of that name`;

/** The middle checkpoint is the best, and the last three together show a mode collapse. */
const scoreMiddleBest = async (_served: unknown, { iteration }: { iteration: number }) => ({
  measure: { iteration, diversityRatio: 0.2, accuracyPerLabel: [1, 1], spreadRatio: 1, activeUnits: 8 },
  validation: exampleValidation(iteration, Math.abs(iteration - 4)),
});

/** The folder or file of a run that a path of the store is in. */
const fileKind = (path: unknown): string => (typeof path === 'string' ? (path.split('/')[2] ?? '') : '');

function eventsByType(events: RunEvent[]): object {
  const byType: Record<string, unknown[]> = {};
  for (const { type, data } of events) {
    if (type === 'progress' || (type === 'state' && ['queued', 'running'].includes(String(data.state))))
      continue;
    const message = String(data.message ?? '').replace(/[\d.]+ s\./, '… s.');
    byType[type] = [...(byType[type] ?? []), type === 'log' ? { ...data, message } : data];
  }
  return { events: byType, last: events.at(-1)?.type };
}
