import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import type { RunEvent } from '../../../src/core/contracts/run.ts';
import { type RunnerDependencies, runTraining } from '../../../src/runs/child/run.ts';
import { readMetrics } from '../../../src/runs/redis/metrics.ts';
import {
  claimRun,
  fencedStore,
  listFigures,
  listSnapshots,
  ModelRegistry,
  openFolderStore,
  weightsDigest,
} from '../../../src/store/index.ts';
import { listFilms } from '../../../src/store/run-files.ts';
import { someEvaluation, someEvaluator, someValidation } from '../../training/evaluation/some.ts';
import { fakeDataset, fakeTrainer } from '../fake-training.ts';
import { allEvents, newRun, workplace } from '../support.ts';
import { type Death, Life } from './mortal.ts';

/** Something of every kind, and as few steps as that takes. */
const config = {
  iterations: 6,
  latentDim: 2,
  metricsEvery: 2,
  sampleEvery: 3,
  checkpointEvery: 2,
  warmupIterations: 0,
  figures: { frames: 2, grid: 2 },
};
const AT_A_TIME = 16;

/** What a run has told and left behind, without what differs from run to run: times, ids, and how often it was begun. */
function outcomeOf(events: RunEvent[], left: object): object {
  const told: Record<string, unknown[]> = {};
  for (const { type, data } of events) {
    if (type === 'progress' || (type === 'state' && ['queued', 'running'].includes(String(data.state))))
      continue;
    const message = String(data.message ?? '').replace(/[\d.]+ s\./, '… s.');
    told[type] = [...(told[type] ?? []), type === 'log' ? { ...data, message } : data];
  }
  return { told, last: events.at(-1)?.type, ...left };
}

test('a run whose process dies at any step ends as one that was never disturbed', {
  timeout: 600_000,
}, async (t) => {
  const place = await workplace(t, { queueLimit: 10_000 });
  const store = await openFolderStore(join(place.folder, 'store'));
  const registry = new ModelRegistry(store);

  /** One life of the worker's side of a run, from taking it to writing down how it ended. */
  async function live(runId: string, life: Life): Promise<void> {
    const runs = life.through('runs', place.runs);
    const fence = (await runs.take({ runId, number: 1 }))!;
    const owned = fencedStore(life.through('store', store), () => runs.checkFence(runId, fence));
    await claimRun(owned, runId, fence);
    const deps: RunnerDependencies = {
      runs,
      events: life.through('events', place.events),
      metrics: (id) => life.step('metrics', () => readMetrics(place.redis, place.keys, id)),
      announce: () => life.step('announce', async () => true),
      store: owned,
      registry: life.through('registry', registry),
      loadTrainer: async () => fakeTrainer,
      loadDataset: async () => fakeDataset,
      loadEvaluator: async () => ({
        ...someEvaluator(),
        // The checkpoint in the middle is the best.
        watch: async () => ({
          measure: async (_served, { iteration }) => ({
            measure: { iteration, diversityRatio: 1, accuracyPerLabel: [1], spreadRatio: 1, activeUnits: 8 },
            validation: someValidation(iteration, Math.abs(iteration - 4)),
          }),
          dispose: () => undefined,
        }),
        diagnoseLive: ({ losses }) =>
          losses.length === 2
            ? [
                {
                  code: 'mode_collapse',
                  severity: 'warning',
                  iteration: losses[1]!.iteration,
                  detail: 'd',
                  advice: 'a',
                },
              ]
            : [],
        evaluate: ({ weights }) =>
          life.step('evaluate', async () => someEvaluation({ modelDigest: weightsDigest(weights) })),
      }),
      drawFigures: async () => [
        { kind: 'losses', label: undefined, extension: 'png', bytes: new Uint8Array([1]) } as never,
      ],
      drawSample: async () => ({ kind: 'scatter', label: 1, png: new Uint8Array([2]) }),
    };
    const outcome = await runTraining(deps, { runId, fence, signal: new AbortController().signal });
    assert.equal(outcome.type, 'succeeded');
    await runs.settle(runId, fence, 'succeeded', { modelId: (outcome as { modelId: string }).modelId });
  }

  async function runThrough(death?: Death) {
    const { id } = (await place.runs.create(newRun(config))).run;
    const first = new Life(death);
    await Promise.race([live(id, first), first.died]);
    const diedAt = death && first.steps[death.step - 1];
    if ((await place.runs.get(id)).state !== 'succeeded') await live(id, new Life());
    const { items } = await registry.list({ limit: 10_000 });
    const models = items.filter(({ runId }) => runId === id);
    const run = await place.runs.get(id);
    assert.deepEqual([run.state, models.map(({ id: model }) => model)], ['succeeded', [run.modelId]], diedAt);
    const events = await allEvents(place, id);
    const outcome = outcomeOf(events, {
      published: [models[0]!.iteration, models[0]!.digest],
      best: run.best,
      evaluation: run.evaluation,
      metrics: await readMetrics(place.redis, place.keys, id),
      figures: await listFigures(store, id),
      films: (await listFilms(store, id)).length,
      snapshots: await listSnapshots(store, id),
    });
    return { steps: first.steps, diedAt, outcome };
  }

  const undisturbed = await runThrough();
  const names = new Set(undisturbed.steps);
  for (const step of ['store.write', 'events.append', 'registry.publish', 'evaluate', 'runs.settle']) {
    assert.ok(names.has(step), `${step} is among the steps`);
  }
  const deaths: Death[] = undisturbed.steps.flatMap((_, i) => [
    { step: i + 1, when: 'before' },
    { step: i + 1, when: 'after' },
  ]);
  while (deaths.length > 0) {
    const some = deaths.splice(0, AT_A_TIME);
    const ended = await Promise.all(some.map(async (death) => ({ death, ...(await runThrough(death)) })));
    for (const { death, diedAt, outcome } of ended) {
      assert.deepEqual(outcome, undisturbed.outcome, `it died ${death.when} step ${death.step}, ${diedAt}`);
    }
  }
});
