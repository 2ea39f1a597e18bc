import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import test, { beforeEach } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TrainingConfigOverrides } from '../../src/core/contracts/config.ts';
import type { RunEvent } from '../../src/core/contracts/run.ts';
import { connectRedis } from '../../src/platform/redis/connection.ts';
import { onModelPublished } from '../../src/runs/redis/published.ts';
import type { NewRun } from '../../src/runs/redis/records.ts';
import { type RunWorker, startWorker } from '../../src/runs/worker/worker.ts';
import { ModelRegistry, openFolderStore, readFigure } from '../../src/store/index.ts';
import { FAULTS } from './faults.ts';
import {
  allEvents,
  iterationsIn,
  newRun,
  statesIn,
  until,
  untilState,
  type Workplace,
  workplace,
} from './support.ts';

const childModule = fileURLToPath(new URL('./fake-child.ts', import.meta.url));
/** The fake training reads how long an iteration takes when its process starts. */
const iterationsTake = (ms: number): void => {
  process.env.FAKE_ITERATION_MS = String(ms);
};
beforeEach(() => iterationsTake(10));

/** 40 iterations, with events of each kind. */
const config: TrainingConfigOverrides = {
  iterations: 40,
  metricsEvery: 5,
  sampleEvery: 20,
  checkpointEvery: 10,
};

async function worker(place: Workplace): Promise<RunWorker> {
  const started = await startWorker({ redis: place.target, dataDir: place.folder, childModule });
  place.onEnd(() => started.close());
  return started;
}

const create = async (
  place: Workplace,
  change: TrainingConfigOverrides = {},
  request: Partial<NewRun> = {},
): Promise<string> => (await place.runs.create(newRun({ ...config, ...change }, request))).run.id;

const untilIteration = (place: Workplace, id: string, iteration: number) =>
  until(`iteration ${iteration}`, async () => (await place.runs.get(id)).progress.iteration >= iteration);

const everyFive = [5, 10, 15, 20, 25, 30, 35, 40];

/** The digest of the model, which depends on every iteration. */
const finalDigest = (events: RunEvent[]): unknown =>
  events.findLast(({ type }) => type === 'checkpoint')?.data.digest;

async function undisturbed(place: Workplace): Promise<RunEvent[]> {
  const id = await create(place);
  await untilState(place, id, 'succeeded');
  return await allEvents(place, id);
}

test('a run is trained in a process of its own, told, stored and published', async (t) => {
  const place = await workplace(t);
  await worker(place);
  const id = await create(place);
  const run = await untilState(place, id, 'succeeded');
  assert.equal(run.device, 'cpu');
  assert.equal(run.progress.iteration, 40);
  assert.equal(run.progress.phase, 'publishing');
  assert.ok(run.startedAt !== null && run.finishedAt !== null);
  assert.equal(run.metrics.iteration, 40);

  const events = await allEvents(place, id);
  assert.deepEqual(statesIn(events), ['queued', 'running', 'succeeded']);
  assert.deepEqual(iterationsIn(events, 'metrics'), everyFive);
  assert.deepEqual(iterationsIn(events, 'checkpoint'), [10, 20, 30, 40]);
  assert.deepEqual(iterationsIn(events, 'sample'), [20, 40]);
  assert.deepEqual(
    events.slice(-2).map(({ type }) => type),
    ['state', 'end'],
  );

  const store = await openFolderStore(place.folder);
  const model = await new ModelRegistry(store).get('latest');
  assert.equal(model.id, run.modelId);
  assert.equal(model.runId, id);
  assert.equal(model.digest, finalDigest(events));
  assert.deepEqual(model.labels, ['0', '1']);
  const figure = events.find(({ type }) => type === 'sample')!.data.figure as string;
  assert.equal(figure, 'scatter-1-000000020.png');
  assert.deepEqual([...(await readFigure(store, id, figure))], [1, 2, 3]);
});

test('a cancelled run ends within a step and publishes nothing', async (t) => {
  const place = await workplace(t);
  await worker(place);
  const id = await create(place, { iterations: 100_000 });
  await untilIteration(place, id, 5);
  assert.equal((await place.runs.request(id, 'cancel')).state, 'cancelling');
  const run = await untilState(place, id, 'cancelled');
  assert.equal(run.modelId, undefined);
  const events = await allEvents(place, id);
  assert.deepEqual(statesIn(events), ['queued', 'running', 'cancelling', 'cancelled']);
  assert.equal(events.at(-1)!.type, 'end');
});

test('a cancelled run ends also where its process does not hear of it', async (t) => {
  const place = await workplace(t);
  await worker(place);
  iterationsTake(100);
  const id = await create(place, {}, { seed: FAULTS.deaf });
  await untilIteration(place, id, 1);
  await place.runs.request(id, 'cancel');
  await untilState(place, id, 'cancelled');
});

test('a paused and resumed run ends like one that was not', async (t) => {
  const place = await workplace(t);
  await worker(place);
  const id = await create(place);
  await untilIteration(place, id, 3);
  await place.runs.request(id, 'pause');
  const paused = await untilState(place, id, 'paused');
  assert.ok(paused.progress.iteration < 40);
  await place.runs.request(id, 'resume');
  const done = await untilState(place, id, 'succeeded');
  assert.ok(done.progress.secondsElapsed >= paused.progress.secondsElapsed);
  const events = await allEvents(place, id);
  assert.deepEqual(statesIn(events), [
    ...['queued', 'running', 'pausing', 'paused'],
    ...['queued', 'running', 'succeeded'],
  ]);
  assert.deepEqual(iterationsIn(events, 'metrics'), everyFive);
  assert.equal(finalDigest(events), finalDigest(await undisturbed(place)));
});

test('a killed run process is followed by another from the checkpoint; events are not doubled', async (t) => {
  const place = await workplace(t);
  const trainer = await worker(place);
  iterationsTake(30);
  const id = await create(place);
  await untilIteration(place, id, 17);
  const before = (await place.runs.get(id)).progress.secondsElapsed;
  process.kill(trainer.active[0]!.pid!, 'SIGKILL');
  await untilState(place, id, 'succeeded');
  const events = await allEvents(place, id);
  assert.deepEqual(statesIn(events), ['queued', 'running', 'queued', 'running', 'succeeded']);
  assert.deepEqual(iterationsIn(events, 'metrics'), everyFive);
  assert.deepEqual(iterationsIn(events, 'checkpoint'), [10, 20, 30, 40]);
  assert.equal(finalDigest(events), finalDigest(await undisturbed(place)));
  const elapsed = events.filter(({ type }) => type === 'progress').map(({ data }) => data.secondsElapsed);
  assert.ok(elapsed.every((seconds, i) => i === 0 || (seconds as number) >= (elapsed[i - 1] as number)));
  assert.ok((elapsed.at(-1) as number) > before);
});

test('a run that keeps dying without progress fails, and says how it died', async (t) => {
  const place = await workplace(t);
  await worker(place);
  const id = await create(place, {}, { seed: FAULTS.crash });
  const { error } = await untilState(place, id, 'failed');
  assert.equal(error?.code, 'child_died');
  assert.match(error!.message, /SIGKILL.*3/);
  const running = statesIn(await allEvents(place, id)).filter((state) => state === 'running');
  assert.equal(running.length, 3);
});

test('an error of training fails the run, a full disk pauses it', async (t) => {
  const place = await workplace(t);
  await worker(place);
  const diverging = await create(place, {}, { seed: FAULTS.diverge });
  const filling = await create(place, {}, { seed: FAULTS.fillDisk });
  assert.equal((await untilState(place, diverging, 'failed')).error?.code, 'diverged');
  const paused = await untilState(place, filling, 'paused');
  assert.deepEqual(paused.error, { code: 'disk_full', message: 'The disk is full. Free some space.' });
  assert.deepEqual((await place.runs.request(filling, 'resume')).error, undefined);
  await untilState(place, filling, 'paused');
  await place.runs.request(filling, 'cancel');
});

test('a worker that is told to stop checkpoints its run, and another goes on', async (t) => {
  const place = await workplace(t);
  const first = await worker(place);
  iterationsTake(20);
  const id = await create(place, { checkpointEvery: 40 });
  const waiting = await create(place);
  await untilIteration(place, id, 7);
  await first.close();
  assert.equal((await place.runs.get(id)).state, 'queued');
  const events = await allEvents(place, id);
  const [stoppedAt] = iterationsIn(events, 'checkpoint') as [number];
  assert.ok(stoppedAt >= 7 && stoppedAt < 40);

  await worker(place);
  await untilState(place, id, 'succeeded');
  const after = await allEvents(place, id);
  assert.deepEqual(iterationsIn(after, 'metrics'), everyFive);
  await untilState(place, waiting, 'succeeded');
  // What was interrupted comes before what waited.
  const finishedAt = async (run: string) => Date.parse((await place.runs.get(run)).finishedAt!);
  assert.ok((await finishedAt(id)) < (await finishedAt(waiting)));
});

test('when a worker is killed another one takes its run, though it died with its child', async (t) => {
  const place = await workplace(t);
  const path = (place.target as { path: string }).path;
  const program = fileURLToPath(new URL('./worker-process.ts', import.meta.url));
  const doomed: ChildProcess = fork(program, [path, place.folder, childModule]);
  place.onEnd(() => doomed.kill('SIGKILL'));
  await once(doomed, 'message');
  iterationsTake(50);
  const id = await create(place);
  await untilIteration(place, id, 12);
  doomed.kill('SIGKILL');
  await worker(place);
  await untilState(place, id, 'succeeded');
  const events = await allEvents(place, id);
  assert.deepEqual(statesIn(events), ['queued', 'running', 'queued', 'running', 'succeeded']);
  assert.deepEqual(iterationsIn(events, 'metrics'), everyFive);
  assert.deepEqual(iterationsIn(events, 'checkpoint'), [10, 20, 30, 40]);
  assert.equal(finalDigest(events), finalDigest(await undisturbed(place)));
});

test('a run goes on when Redis was away for a while', async (t) => {
  const place = await workplace(t);
  await worker(place);
  iterationsTake(30);
  const id = await create(place);
  await untilIteration(place, id, 3);
  await place.server().close();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await place.startServer();
  await until('the end of the run', async () => {
    const run = await place.runs.get(id).catch(() => undefined);
    return run?.state === 'succeeded';
  });
  assert.deepEqual(iterationsIn(await allEvents(place, id), 'metrics'), everyFive);
});

test('a run ends only after the servers that listen have loaded its model', async (t) => {
  const place = await workplace(t);
  const subscriber = connectRedis(place.target, 'patient');
  place.onEnd(() => subscriber.disconnect());
  let stateWhileLoading: string | undefined;
  let runId = '';
  await onModelPublished(place.redis, subscriber, place.keys, async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    stateWhileLoading = (await place.runs.get(runId)).state;
  });
  runId = await create(place);
  await worker(place);
  await untilState(place, runId, 'succeeded');
  assert.equal(stateWhileLoading, 'running');
});
