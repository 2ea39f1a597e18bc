import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type RunDependencies, runTraining } from '../../../src/runs/child/run.ts';
import { readMetrics } from '../../../src/runs/redis/metrics.ts';
import { ModelRegistry, openFolderStore } from '../../../src/store/index.ts';
import type { TrainingEvent, TrainOptions } from '../../../src/training/loop.ts';
import { someState } from '../../store/small-models.ts';
import { exampleValidation } from '../../training/evaluation/example-evaluations.ts';
import { fakeDataset, fakeEngine, fakeEvaluator } from '../fake-training.ts';
import { newRun, workplace } from '../support.ts';

type Train = (options: TrainOptions) => AsyncIterable<TrainingEvent>;

/** Runs over a real Redis and store. Training yields the given events, and nothing is drawn. */
export async function runFixture(t: TestContext, train: Train) {
  const place = await workplace(t);
  const store = await openFolderStore(join(place.folder, 'store'));
  const registry = new ModelRegistry(store);
  const deps: RunDependencies = {
    runs: place.runs,
    events: place.events,
    metrics: (runId) => readMetrics(place.redis, place.keys, runId),
    announce: async () => true,
    store,
    registry,
    loadEngine: async () => ({ ...fakeEngine, train }),
    loadDataset: async () => fakeDataset,
    loadEvaluator: async () => fakeEvaluator(),
    drawFigures: async () => [],
    drawSample: async () => ({ kind: 'labels', png: new Uint8Array() }),
  };
  /** Creates a run and takes it, as a worker would. */
  const takeRun = async (change: Parameters<typeof newRun>[1] = {}) => {
    const { id } = (await place.runs.create(newRun({ iterations: 20 }, change))).run;
    return { runId: id, fence: (await place.runs.take({ runId: id, number: 1 }))! };
  };
  const complete = (
    run: Awaited<ReturnType<typeof takeRun>>,
    {
      signal = new AbortController().signal,
      ...change
    }: Partial<RunDependencies> & { signal?: AbortSignal } = {},
  ) => runTraining({ ...deps, ...change }, { ...run, signal });
  return { place, store, registry, takeRun, complete };
}

export async function* checkpoints(...iterations: number[]): AsyncGenerator<TrainingEvent> {
  for (const iteration of iterations) yield { type: 'checkpoint', state: someState(iteration) };
}

/** A run of 20 iterations with a scored checkpoint every 5. */
export const scoredOften = { ...newRun().config, iterations: 20, checkpointEvery: 5, warmupIterations: 0 };

/** An evaluator whose validation scores have the Fréchet joint distance `distances[iteration]`. */
export const evaluatorWithScores = (distances: Record<number, number>) => async () =>
  fakeEvaluator({
    openScorer: async () => ({
      score: async (_served, { iteration }) => ({
        measure: { iteration, diversityRatio: 1, accuracyPerLabel: [1, 1], spreadRatio: 1, activeUnits: 8 },
        validation: exampleValidation(iteration, distances[iteration]!),
      }),
      dispose: () => undefined,
    }),
  });
