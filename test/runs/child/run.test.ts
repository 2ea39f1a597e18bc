import assert from 'node:assert/strict';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StylographError } from '../../../src/core/errors.ts';
import { latestCheckpoint, weightsDigest } from '../../../src/store/index.ts';
import { someModel, someWeights } from '../../store/small-models.ts';
import { allEvents, withCode } from '../support.ts';
import { checkpoints, evaluatorWithScores, runFixture, scoredOften } from './run-fixture.ts';

test('a run that another worker has taken writes no checkpoint and publishes nothing', async (t) => {
  const { place, store, takeRun, complete, registry } = await runFixture(t, async function* () {
    yield* checkpoints(10);
    // The checkpoint is stored while training continues.
    while ((await latestCheckpoint(store, run.runId, assert.fail)) === undefined) await sleep(5);
    await place.runs.take({ runId: run.runId, number: 1 });
    yield* checkpoints(20);
  });
  const run = await takeRun();
  await assert.rejects(complete(run), withCode('fence_lost'));
  const newest = await latestCheckpoint(store, run.runId, assert.fail);
  assert.equal(newest?.state.iteration, 10);
  await assert.rejects(registry.get('latest'), withCode('no_model'));
});

test('a checkpoint becomes visible only after every earlier event is in the stream', async (t) => {
  const { place, store, takeRun, complete } = await runFixture(t, async function* () {
    yield { type: 'metrics', iteration: 10, values: { ganLoss: 1 } };
    yield* checkpoints(10);
    yield { type: 'metrics', iteration: 11, values: { ganLoss: 2 } };
    yield* checkpoints(20);
  });
  const order: string[] = [];
  const append: typeof place.events.append = async (runId, fence, body) => {
    if (body.type === 'metrics') {
      await sleep(50);
      const newest = await latestCheckpoint(store, runId, assert.fail);
      order.push(`${body.data.iteration} after checkpoint ${newest?.state.iteration ?? 'none'}`);
    }
    return await place.events.append(runId, fence, body);
  };
  const run = await takeRun();
  await complete(run, { events: { append } });
  assert.equal(order[0], '10 after checkpoint none');
  const metrics = (await allEvents(place, run.runId)).filter(({ type }) => type === 'metrics');
  assert.deepEqual(
    metrics.map(({ data }) => data.iteration),
    [10, 11],
  );
});

test('a run with a damaged checkpoint logs a warning and resumes from the one before', async (t) => {
  const resumed: (number | undefined)[] = [];
  const { place, takeRun, complete } = await runFixture(t, (options) => {
    resumed.push(options.resume?.iteration);
    return options.resume === undefined ? checkpoints(5, 10, 20) : checkpoints(20);
  });
  const run = await takeRun();
  await complete(run);
  const folder = join(place.folder, 'store', 'runs', run.runId, 'checkpoints');
  await truncate(join(folder, '000000020-1', 'weights.safetensors'), 10);
  await complete(run);
  assert.deepEqual(resumed, [undefined, 10]);
  const log = (await allEvents(place, run.runId)).find(
    ({ type, data }) => type === 'log' && data.level === 'warn',
  );
  assert.match(String(log?.data.message), /000000020-1\/weights\.safetensors is damaged/);
});

test('a run that is restarted while it publishes publishes the same model once', async (t) => {
  const { takeRun, complete, registry } = await runFixture(t, ({ resume }) =>
    resume ? checkpoints() : checkpoints(20),
  );
  const run = await takeRun();
  const first = await complete(run);
  const second = await complete(run);
  assert.deepEqual(first, second);
  assert.equal((await registry.list({ limit: 9 })).items.length, 1);
});

test('a resumed run keeps the time of its progress when that is later than the time of its checkpoint', async (t) => {
  const clocks: (number | undefined)[] = [];
  const { place, takeRun, complete } = await runFixture(t, ({ resume }) => {
    clocks.push(resume?.secondsElapsed);
    return checkpoints(10);
  });
  const run = await takeRun();
  await complete(run);
  const { progress } = await place.runs.get(run.runId);
  await place.events.append(run.runId, run.fence, {
    type: 'progress',
    data: { ...progress, secondsElapsed: 77 },
  });
  await complete(run);
  assert.deepEqual(clocks, [undefined, 77]);
});

test('a fresh run starts from the weights of the model it names, and a resumed one from its checkpoint', async (t) => {
  const initial: unknown[] = [];
  const { takeRun, complete, registry } = await runFixture(t, (options) => {
    initial.push(options.initial);
    return checkpoints(20);
  });
  const { record, weights } = someModel();
  await registry.publish(record, weights);
  const run = await takeRun({ from: record.id });
  await complete(run);
  await complete(run);
  assert.deepEqual(initial, [someWeights(), undefined]);

  const orphan = await takeRun({ from: someModel().record.id });
  await assert.rejects(complete(orphan), withCode('no_seed_model'));
});

test('a run that is paused during its last iteration publishes nothing', async (t) => {
  const { place, takeRun, complete, registry } = await runFixture(t, async function* () {
    yield* checkpoints(20);
    await place.runs.request(run.runId, 'pause');
  });
  const run = await takeRun();
  assert.deepEqual(await complete(run), { type: 'stopped', reason: 'pause' });
  await assert.rejects(registry.get('latest'), withCode('no_model'));
});

test('a run that is stopped before it trains stops without training', async (t) => {
  const { takeRun, complete } = await runFixture(t, () => assert.fail('it trained'));
  const outcome = await complete(await takeRun(), { signal: AbortSignal.abort('requeue') });
  assert.deepEqual(outcome, { type: 'stopped', reason: 'requeue' });
});

test('a run publishes its best checkpoint, and a resumed run finds the same one', async (t) => {
  const stop = new AbortController();
  const { place, takeRun, complete, registry } = await runFixture(t, async function* ({ resume }) {
    if (resume) return yield* checkpoints(15, 20);
    yield* checkpoints(5, 10);
    stop.abort('pause');
  });
  const loadEvaluator = evaluatorWithScores({ 5: 0.3, 10: 0.1, 15: 0.1, 20: 0.2 });
  const run = await takeRun({ config: scoredOften });
  await complete(run, { loadEvaluator, signal: stop.signal });
  await complete(run, { loadEvaluator });
  const model = await registry.get('latest');
  assert.equal(model.iteration, 10);
  assert.equal(model.digest, weightsDigest(someWeights(10)));
  assert.equal((await place.runs.get(run.runId)).best?.iteration, 10);
  const validations = (await allEvents(place, run.runId)).filter(({ type }) => type === 'validation');
  assert.deepEqual(
    validations.map(({ data }) => data.iteration),
    [5, 10, 15, 20],
  );
});

test('a run that trains on its validation images publishes its last weights', async (t) => {
  const { place, takeRun, complete, registry } = await runFixture(t, () => checkpoints(5, 10, 15, 20));
  const loadEvaluator = evaluatorWithScores({ 5: 0.1, 10: 0.2, 15: 0.3, 20: 0.4 });
  const run = await takeRun({ config: { ...scoredOften, trainOn: 'train+validation' } });
  await complete(run, { loadEvaluator });
  assert.equal((await registry.get('latest')).iteration, 20);
  assert.equal((await place.runs.get(run.runId)).best, undefined);
});

test('a run whose best weights are damaged publishes the last ones and logs a warning', async (t) => {
  const { place, store, takeRun, complete, registry } = await runFixture(t, async function* () {
    yield* checkpoints(5, 10, 15);
    const name = `runs/${run.runId}/best/000000005.safetensors`;
    while ((await store.readFile(name)) === undefined) await sleep(5);
    await truncate(join(place.folder, 'store', name), 10);
    yield* checkpoints(20);
  });
  const run = await takeRun({ config: scoredOften });
  await complete(run, { loadEvaluator: evaluatorWithScores({ 5: 0.1, 10: 0.2, 15: 0.3, 20: 0.4 }) });
  assert.equal((await registry.get('latest')).iteration, 20);
  const log = (await allEvents(place, run.runId)).find(({ type }) => type === 'log');
  assert.match(String(log?.data.message), /of iteration 5, cannot be read.*those of iteration 20/);
});

test('the run child loads TensorFlow only after a run has started', async () => {
  await import('../../../src/runs/child/process.ts');
  assert.doesNotMatch(await readFile('/proc/self/maps', 'utf8'), /libtensorflow/);
});

test('a run on a machine without TensorFlow fails with engine_missing after it has reported that it loads', async (t) => {
  const { place, takeRun, complete } = await runFixture(t, () => assert.fail('it trained'));
  const run = await takeRun();
  const loadEngine = () => Promise.reject(new StylographError('engine_missing', 'Run "npm run setup".'));
  await assert.rejects(complete(run, { loadEngine }), withCode('engine_missing'));
  const events = await allEvents(place, run.runId);
  assert.ok(events.some(({ type, data }) => type === 'progress' && data.phase === 'loading'));
});
