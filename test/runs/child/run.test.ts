import assert from 'node:assert/strict';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StylographError } from '../../../src/core/errors.ts';
import { type RunnerDependencies, runTraining } from '../../../src/runs/child/run.ts';
import { readMetrics } from '../../../src/runs/redis/metrics.ts';
import { latestCheckpoint, ModelRegistry, openFolderStore, weightsDigest } from '../../../src/store/index.ts';
import type { Drawings } from '../../../src/training/drawings.ts';
import type { TrainingEvent, TrainOptions } from '../../../src/training/loop.ts';
import { someModel, someState, someWeights } from '../../store/small-models.ts';
import { someEvaluation, someEvaluator, someValidation } from '../../training/evaluation/some.ts';
import { fakeDataset } from '../fake-training.ts';
import { allEvents, newRun, withCode, workplace } from '../support.ts';

/** Nothing to draw. */
const drawings: Drawings = {
  filmed: 0,
  async *sheets() {},
  frame: () => new Uint8Array(),
  dispose: () => undefined,
};

/** The runner over a real Redis and store; training yields the given events. */
async function setUp(t: TestContext, events: (options: TrainOptions) => AsyncIterable<TrainingEvent>) {
  const place = await workplace(t);
  const store = await openFolderStore(join(place.folder, 'store'));
  const registry = new ModelRegistry(store);
  const deps: RunnerDependencies = {
    runs: place.runs,
    events: place.events,
    metrics: (runId) => readMetrics(place.redis, place.keys, runId),
    announce: async () => true,
    store,
    registry,
    loadTrainer: async () => ({
      train: events,
      servedWeights: ({ weights }) => weights,
      openDrawings: async () => drawings,
      device: 'cpu',
      software: {},
    }),
    loadDataset: async () => fakeDataset,
    loadEvaluator: async () => someEvaluator(),
    drawFigures: async () => [],
    drawSample: async () => ({ kind: 'labels', png: new Uint8Array() }),
  };
  const start = async (change: Parameters<typeof newRun>[1] = {}) => {
    const { id } = (await place.runs.create(newRun({ iterations: 20 }, change))).run;
    return { runId: id, fence: (await place.runs.take({ runId: id, number: 1 }))! };
  };
  return { place, store, registry, deps, start };
}

const endless = new AbortController().signal;

async function* checkpoints(...iterations: number[]): AsyncGenerator<TrainingEvent> {
  for (const iteration of iterations) yield { type: 'checkpoint', state: someState(iteration) };
}

test('a run whose worker was replaced writes no checkpoint and publishes nothing', async (t) => {
  const { place, store, deps, start, registry } = await setUp(t, async function* () {
    yield* checkpoints(10);
    // It is stored while training goes on.
    while ((await latestCheckpoint(store, run.runId, assert.fail)) === undefined) await sleep(5);
    await place.runs.take({ runId: run.runId, number: 1 });
    yield* checkpoints(20);
  });
  const run = await start();
  await assert.rejects(runTraining(deps, { ...run, signal: endless }), withCode('fence_lost'));
  const newest = await latestCheckpoint(store, run.runId, assert.fail);
  assert.equal(newest?.state.iteration, 10);
  await assert.rejects(registry.get('latest'), withCode('no_model'));
});

test('a checkpoint becomes visible only when everything before it has been told', async (t) => {
  const { place, store, deps, start } = await setUp(t, async function* () {
    yield { type: 'metrics', iteration: 10, values: { ganLoss: 1 } };
    yield* checkpoints(10);
    yield { type: 'metrics', iteration: 11, values: { ganLoss: 2 } };
    yield* checkpoints(20);
  });
  const order: string[] = [];
  const slow: RunnerDependencies = {
    ...deps,
    events: {
      append: async (runId, fence, body) => {
        if (body.type === 'metrics') {
          await sleep(50);
          const newest = await latestCheckpoint(store, runId, assert.fail);
          order.push(`${body.data.iteration} after checkpoint ${newest?.state.iteration ?? 'none'}`);
        }
        return await place.events.append(runId, fence, body);
      },
    },
  };
  const run = await start();
  await runTraining(slow, { ...run, signal: endless });
  assert.equal(order[0], '10 after checkpoint none');
  const told = (await allEvents(place, run.runId)).filter(({ type }) => type === 'metrics');
  assert.deepEqual(
    told.map(({ data }) => data.iteration),
    [10, 11],
  );
});

test('a damaged checkpoint is told, and the run goes on from the one before', async (t) => {
  const resumed: (number | undefined)[] = [];
  const { place, deps, start } = await setUp(t, (options) => {
    resumed.push(options.resume?.iteration);
    return options.resume === undefined ? checkpoints(5, 10, 20) : checkpoints(20);
  });
  const run = await start();
  await runTraining(deps, { ...run, signal: endless });
  const folder = join(place.folder, 'store', 'runs', run.runId, 'checkpoints');
  await truncate(join(folder, '000000020-1', 'weights.safetensors'), 10);
  await runTraining(deps, { ...run, signal: endless });
  assert.deepEqual(resumed, [undefined, 10]);
  const log = (await allEvents(place, run.runId)).find(
    ({ type, data }) => type === 'log' && data.level === 'warn',
  );
  assert.match(String(log?.data.message), /000000020-1\/weights\.safetensors is damaged/);
});

test('a run that died while publishing publishes the same model again', async (t) => {
  const { deps, start, registry } = await setUp(t, ({ resume }) =>
    resume ? checkpoints() : checkpoints(20),
  );
  const run = await start();
  const first = await runTraining(deps, { ...run, signal: endless });
  const second = await runTraining(deps, { ...run, signal: endless });
  assert.deepEqual(first, second);
  assert.equal((await registry.list({ limit: 9 })).items.length, 1);
});

test('the clock of a run does not go back to that of its checkpoint', async (t) => {
  const clocks: (number | undefined)[] = [];
  const { place, deps, start } = await setUp(t, ({ resume }) => {
    clocks.push(resume?.secondsElapsed);
    return checkpoints(10);
  });
  const run = await start();
  await runTraining(deps, { ...run, signal: endless });
  const { progress } = await place.runs.get(run.runId);
  await place.events.append(run.runId, run.fence, {
    type: 'progress',
    data: { ...progress, secondsElapsed: 77 },
  });
  await runTraining(deps, { ...run, signal: endless });
  assert.deepEqual(clocks, [undefined, 77]);
});

test('a run starts from the weights of a model, once', async (t) => {
  const initial: unknown[] = [];
  const { deps, start, registry } = await setUp(t, (options) => {
    initial.push(options.initial);
    return checkpoints(20);
  });
  const { record, weights } = someModel();
  await registry.publish(record, weights);
  const run = await start({ from: record.id });
  await runTraining(deps, { ...run, signal: endless });
  await runTraining(deps, { ...run, signal: endless });
  assert.deepEqual(initial, [someWeights(), undefined]);

  const orphan = await start({ from: someModel().record.id });
  await assert.rejects(runTraining(deps, { ...orphan, signal: endless }), withCode('no_seed_model'));
});

test('a pause that arrives with the last iteration is honoured: nothing is published', async (t) => {
  const { place, deps, start, registry } = await setUp(t, async function* () {
    yield* checkpoints(20);
    await place.runs.request(run.runId, 'pause');
  });
  const run = await start();
  const outcome = await runTraining(deps, { ...run, signal: endless });
  assert.deepEqual(outcome, { type: 'stopped', reason: 'pause' });
  await assert.rejects(registry.get('latest'), withCode('no_model'));
});

test('a run that is stopped before it trains has nothing to store', async (t) => {
  const { deps, start } = await setUp(t, () => assert.fail('it trained'));
  const outcome = await runTraining(deps, { ...(await start()), signal: AbortSignal.abort('requeue') });
  assert.deepEqual(outcome, { type: 'stopped', reason: 'requeue' });
});

test('a finished run is evaluated once, told, and its model carries the verdict', async (t) => {
  const { place, deps, start, registry } = await setUp(t, ({ resume }) =>
    resume ? checkpoints() : checkpoints(20),
  );
  const asked: { samples?: number | undefined; seconds?: number | undefined }[] = [];
  const evaluated: RunnerDependencies = {
    ...deps,
    loadEvaluator: async () =>
      someEvaluator({
        evaluate: async ({ weights, samples, secondsAllowed, onProgress }) => {
          asked.push({ samples, seconds: secondsAllowed });
          await sleep(300); // Longer than progress is held back for.
          await onProgress?.(0.5);
          return someEvaluation({ modelDigest: weightsDigest(weights) });
        },
      }),
  };
  const run = await start();
  await runTraining(evaluated, { ...run, signal: endless });
  // Again, as after a crash while it published.
  await runTraining(evaluated, { ...run, signal: endless });
  assert.deepEqual(asked, [{ samples: 2000, seconds: 60 }]);
  const events = await allEvents(place, run.runId);
  const told = events.filter(({ type }) => type === 'evaluation');
  assert.equal(told.length, 1);
  assert.ok(events.some(({ type, data }) => type === 'progress' && data.phase === 'evaluating'));
  assert.deepEqual((await place.runs.get(run.runId)).evaluation, told[0]!.data);
  assert.deepEqual((await registry.get('latest')).evaluation, told[0]!.data);
});

test('a pause while it is evaluated stops it; it goes straight on to the evaluation afterwards', async (t) => {
  const { deps, start, registry } = await setUp(t, ({ resume }) =>
    resume?.iteration === 20 ? checkpoints() : checkpoints(20),
  );
  const run = await start();
  const stop = new AbortController();
  const interrupted: RunnerDependencies = {
    ...deps,
    loadEvaluator: async () =>
      someEvaluator({
        evaluate: async ({ signal }) => {
          stop.abort('pause');
          signal!.throwIfAborted();
          return someEvaluation();
        },
      }),
  };
  const outcome = await runTraining(interrupted, { ...run, signal: stop.signal });
  assert.deepEqual(outcome, { type: 'stopped', reason: 'pause' });
  await assert.rejects(registry.get('latest'), withCode('no_model'));
  assert.equal((await runTraining(deps, { ...run, signal: endless })).type, 'succeeded');
});

test('a model that cannot be evaluated is published without, and the log says why', async (t) => {
  const { place, deps, start, registry } = await setUp(t, () => checkpoints(20));
  const run = await start();
  const loadEvaluator = async () =>
    someEvaluator({ evaluate: async () => assert.fail('no classifier for this') });
  await runTraining({ ...deps, loadEvaluator }, { ...run, signal: endless });
  assert.equal((await registry.get('latest')).evaluation, undefined);
  const log = (await allEvents(place, run.runId)).find(({ type }) => type === 'log');
  assert.match(String(log?.data.message), /without an evaluation: no classifier for this/);
});

test('a run that cannot reach its store while it is evaluated is not published without a verdict', async (t) => {
  const { deps, start, registry } = await setUp(t, () => checkpoints(20));
  const run = await start();
  for (const code of ['store_unavailable', 'disk_full'] as const) {
    const evaluate = () => Promise.reject(new StylographError(code, 'It cannot be written.'));
    const loadEvaluator = async () => someEvaluator({ evaluate });
    await assert.rejects(
      runTraining({ ...deps, loadEvaluator }, { ...run, signal: endless }),
      withCode(code),
    );
  }
  await assert.rejects(registry.get('latest'), withCode('no_model'));
});

test('diagnoses are told once for each severity, and a resumed run judges by what an unbroken one would', async (t) => {
  const stop = new AbortController();
  const { place, deps, start } = await setUp(t, async function* ({ resume }) {
    const from = resume?.iteration ?? 0;
    for (let iteration = from + 5; iteration <= 20; iteration += 5) {
      yield { type: 'metrics', iteration, values: { ganLoss: iteration } };
      yield { type: 'checkpoint', state: someState(iteration) };
      if (iteration === 10 && from === 0) return stop.abort('pause');
    }
  });
  const judgedBy: string[] = [];
  const loadEvaluator = async () =>
    someEvaluator({
      LOSSES_KEPT: 3,
      diagnoseLive: ({ losses, measures }) => {
        const seen = [...losses, ...measures].map(({ iteration }) => iteration);
        judgedBy.push(`${losses.length > 0 ? 'losses' : 'measures'} ${seen}`);
        const severity = seen.at(-1)! < 15 ? 'warning' : 'critical';
        const what = { detail: 'seen', advice: 'change' };
        return [{ code: 'mode_collapse', severity, iteration: seen.at(-1)!, ...what }];
      },
    });
  const run = await start({
    config: { ...newRun().config, iterations: 20, checkpointEvery: 5, warmupIterations: 0 },
  });
  await runTraining({ ...deps, loadEvaluator }, { ...run, signal: stop.signal });
  await runTraining({ ...deps, loadEvaluator }, { ...run, signal: endless });
  assert.deepEqual(judgedBy, [
    'losses 5',
    'measures 5',
    'losses 5,10',
    'measures 5,10',
    'losses 5,10,15',
    'measures 5,10,15',
    'losses 10,15,20',
    'measures 10,15,20',
  ]);
  const told = (await allEvents(place, run.runId)).filter(({ type }) => type === 'diagnosis');
  assert.deepEqual(
    told.map(({ data }) => [data.code, data.severity, data.iteration]),
    [
      ['mode_collapse', 'warning', 5],
      ['mode_collapse', 'critical', 15],
    ],
  );
  assert.deepEqual((await place.runs.get(run.runId)).diagnoses?.length, 2);
});

const diverges = (iteration: number) =>
  new StylographError('diverged', `ganLoss stopped being a finite number at iteration ${iteration}.`);

test('after a loss that is not finite a run goes back to its last checkpoint once, with lower rates', async (t) => {
  const began: [number | undefined, number | undefined][] = [];
  const { place, deps, start } = await setUp(t, async function* ({ resume, rateScale }) {
    began.push([resume?.iteration, rateScale]);
    if (began.length === 2) return yield* checkpoints(15, 20);
    yield* checkpoints(5, 10);
    yield { type: 'metrics', iteration: 13, values: { ganLoss: null } };
    throw diverges(13);
  });
  const run = await start();
  assert.equal((await runTraining(deps, { ...run, signal: endless })).type, 'succeeded');
  assert.deepEqual(began, [
    [undefined, undefined],
    [10, 0.3],
  ]);
  const events = await allEvents(place, run.runId);
  const [told] = events.filter(({ type }) => type === 'diagnosis');
  assert.deepEqual([told?.data.code, told?.data.severity], ['not_finite', 'warning']);
  assert.match(String(told?.data.advice), /went back to iteration 10 .* times 0\.3/);
  assert.ok(
    events.some(({ type, data }) => type === 'log' && /went back to iteration 10/.test(String(data.message))),
  );
});

test('a run that diverges with lower rates too fails, also when it was resumed in between', async (t) => {
  const { place, deps, start } = await setUp(t, async function* ({ resume, rateScale }) {
    if (resume?.iteration === 10) throw diverges(13);
    for (const iteration of [5, 10]) {
      yield {
        type: 'checkpoint',
        state: { ...someState(iteration), rateScale: rateScale ?? resume?.rateScale ?? 1 },
      };
      if (iteration === 5 && rateScale === undefined) throw diverges(7);
    }
    throw diverges(11);
  });
  const run = await start();
  await assert.rejects(runTraining(deps, { ...run, signal: endless }), withCode('diverged'));
  const newest = await latestCheckpoint(deps.store, run.runId, assert.fail);
  assert.deepEqual([newest?.state.iteration, newest?.state.rateScale], [10, 0.3]);
  // Its checkpoint remembers that it has gone back already.
  await assert.rejects(runTraining(deps, { ...run, signal: endless }), withCode('diverged'));
  const told = (await allEvents(place, run.runId)).filter(({ type }) => type === 'diagnosis');
  assert.deepEqual(
    told.map(({ data }) => [data.severity, data.iteration]),
    [
      ['warning', 0],
      ['critical', 5],
    ],
  );
});

/** Evidence that is worth `distances[iteration]`. */
const watching = (distances: Record<number, number>) => async () =>
  someEvaluator({
    watch: async () => ({
      measure: async (_served, { iteration }) => ({
        measure: { iteration, diversityRatio: 1, accuracyPerLabel: [1], spreadRatio: 1, activeUnits: 8 },
        validation: someValidation(iteration, distances[iteration]!),
      }),
      dispose: () => undefined,
    }),
  });
const judgedOften = { ...newRun().config, iterations: 20, checkpointEvery: 5, warmupIterations: 0 };

test('a run publishes the checkpoint with the best evidence, which every resumed run finds again', async (t) => {
  const stop = new AbortController();
  const { place, deps, start, registry } = await setUp(t, async function* ({ resume }) {
    if (resume) return yield* checkpoints(15, 20);
    yield* checkpoints(5, 10);
    stop.abort('pause');
  });
  const loadEvaluator = watching({ 5: 0.3, 10: 0.1, 15: 0.1, 20: 0.2 });
  const run = await start({ config: judgedOften });
  await runTraining({ ...deps, loadEvaluator }, { ...run, signal: stop.signal });
  await runTraining({ ...deps, loadEvaluator }, { ...run, signal: endless });
  const model = await registry.get('latest');
  assert.equal(model.iteration, 10);
  assert.equal(model.digest, weightsDigest(someWeights(10)));
  assert.equal((await place.runs.get(run.runId)).best?.iteration, 10);
  const told = (await allEvents(place, run.runId)).filter(({ type }) => type === 'validation');
  assert.deepEqual(
    told.map(({ data }) => data.iteration),
    [5, 10, 15, 20],
  );
});

test('a run that trains on its validation images publishes its last iterate', async (t) => {
  const { place, deps, start, registry } = await setUp(t, () => checkpoints(5, 10, 15, 20));
  const loadEvaluator = watching({ 5: 0.1, 10: 0.2, 15: 0.3, 20: 0.4 });
  const run = await start({ config: { ...judgedOften, trainOn: 'train+validation' } });
  await runTraining({ ...deps, loadEvaluator }, { ...run, signal: endless });
  assert.equal((await registry.get('latest')).iteration, 20);
  assert.equal((await place.runs.get(run.runId)).best, undefined);
});

test('where the best weights are damaged the last ones are published, and the log says so', async (t) => {
  const { place, store, deps, start, registry } = await setUp(t, async function* () {
    yield* checkpoints(5, 10, 15);
    const file = join(place.folder, 'store', 'runs', run.runId, 'best', '000000005.safetensors');
    while ((await store.readFile(`runs/${run.runId}/best/000000005.safetensors`)) === undefined)
      await sleep(5);
    await truncate(file, 10);
    yield* checkpoints(20);
  });
  const run = await start({ config: judgedOften });
  const loadEvaluator = watching({ 5: 0.1, 10: 0.2, 15: 0.3, 20: 0.4 });
  await runTraining({ ...deps, loadEvaluator }, { ...run, signal: endless });
  assert.equal((await registry.get('latest')).iteration, 20);
  const log = (await allEvents(place, run.runId)).find(({ type }) => type === 'log');
  assert.match(
    String(log?.data.message),
    /iteration 5, the best so far, cannot be read; those of iteration 20/,
  );
});
