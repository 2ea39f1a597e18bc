import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import test from 'node:test';
import type { Diagnosis } from '../../src/core/contracts/evaluation.ts';
import type { RunEvent, RunEventBody } from '../../src/core/contracts/run.ts';
import { connectRedis } from '../../src/platform/redis/connection.ts';
import { EventHub } from '../../src/runs/redis/hub.ts';
import { readMetrics } from '../../src/runs/redis/metrics.ts';
import { awaitLoaded, onModelPublished, publishModel } from '../../src/runs/redis/published.ts';
import { exampleEvaluation, exampleValidation } from '../training/evaluation/example-evaluations.ts';
import { allEvents, iterationsIn, newRun, until, type Workplace, withCode, workplace } from './support.ts';

const log = (message: string): RunEventBody => ({ type: 'log', data: { level: 'info', message } });
const metrics = (iteration: number, values: Record<string, number | null> = { ganLoss: iteration / 2 }) =>
  ({ type: 'metrics', data: { iteration, ...values } }) as RunEventBody;

async function runningRun(place: Workplace): Promise<{ id: string; fence: number }> {
  const { id } = (await place.runs.create(newRun())).run;
  return { id, fence: (await place.runs.take({ runId: id, number: 1 }))! };
}

function hubOf(place: Workplace): EventHub {
  const hub = new EventHub(place.redis, place.target, place.keys);
  place.onEnd(() => hub.close());
  return hub;
}

/** Reads up to `count` events, or all until the stream ends. */
async function collect(
  events: AsyncIterable<RunEvent>,
  count = Number.POSITIVE_INFINITY,
): Promise<RunEvent[]> {
  const collected: RunEvent[] = [];
  for await (const event of events) {
    collected.push(event);
    if (collected.length === count) break;
  }
  return collected;
}

const neverAborted = new AbortController().signal;

test('iterations that a resumed run repeats append no event twice', async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  const appendAll = async (owner: number): Promise<(string | null)[]> => {
    const ids: (string | null)[] = [];
    for (const iteration of [10, 20]) {
      for (const body of [
        metrics(iteration),
        { type: 'sample', data: { iteration, figure: `labels-0000${iteration}.png` } },
        { type: 'sample', data: { iteration, figure: `manifold-3-0000${iteration}.png` } },
        { type: 'checkpoint', data: { iteration, digest: '0'.repeat(64) } },
      ] as RunEventBody[]) {
        ids.push(await place.events.append(id, owner, body));
      }
    }
    return ids;
  };
  assert.ok((await appendAll(fence)).every((eventId) => eventId !== null));
  const before = await allEvents(place, id);
  const next = (await place.runs.take({ runId: id, number: 1 }))!;
  assert.deepEqual(await appendAll(next), Array(8).fill(null));
  await place.events.append(id, next, metrics(30));
  const after = await allEvents(place, id);
  assert.deepEqual(iterationsIn(after, 'metrics'), [10, 20, 30]);
  assert.equal(after.length, before.length + 3); // queued, running, metrics
});

test('the record of a run contains its newest progress and metrics', async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  const progress = { ...(await place.runs.get(id)).progress, phase: 'training' as const, iteration: 3 };
  await place.events.append(id, fence, { type: 'progress', data: progress });
  await place.events.append(id, fence, metrics(3, { ganLoss: 0.1, priorLoss: null }));
  const run = await place.runs.get(id);
  assert.deepEqual(run.progress, progress);
  assert.deepEqual(run.metrics, { iteration: 3, ganLoss: 0.1, priorLoss: null });
});

test('an evaluation is appended once per model digest and is on the record', async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  const data = exampleEvaluation();
  assert.notEqual(await place.events.append(id, fence, { type: 'evaluation', data }), null);
  assert.equal(await place.events.append(id, fence, { type: 'evaluation', data: exampleEvaluation() }), null);
  assert.deepEqual((await place.runs.get(id)).evaluation, data);
});

test('a log message that a restarted process repeats is appended once', async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  assert.notEqual(await place.events.append(id, fence, log('Drew 3 figures.')), null);
  const next = (await place.runs.take({ runId: id, number: 1 }))!;
  assert.equal(await place.events.append(id, next, log('Drew 3 figures.')), null);
  assert.notEqual(await place.events.append(id, next, log('Drew 4 figures.')), null);
});

test('a diagnosis is appended once per severity, and all are on the record', async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  const diagnosis = (iteration: number, severity: Diagnosis['severity']): Diagnosis => ({
    code: 'mode_collapse',
    severity,
    iteration,
    detail: 'The images of a label differ "0.21" times as much as real ones.',
    advice: 'Lower ganWeight.',
  });
  const appended: boolean[] = [];
  for (const data of [diagnosis(100, 'warning'), diagnosis(200, 'warning'), diagnosis(300, 'critical')]) {
    appended.push((await place.events.append(id, fence, { type: 'diagnosis', data })) !== null);
  }
  assert.deepEqual(appended, [true, false, true]);
  assert.deepEqual((await place.runs.get(id)).diagnoses, [
    diagnosis(100, 'warning'),
    diagnosis(300, 'critical'),
  ]);
});

test('events are read after an id, and unknown or malformed ids are detected', async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  for (const message of ['a', 'b', 'c']) await place.events.append(id, fence, log(message));
  const all = await allEvents(place, id);
  assert.equal(all.length, 5);
  assert.deepEqual(await place.events.read(id, { after: all[1]!.id, limit: 2 }), all.slice(2, 4));
  assert.deepEqual(await place.events.read(id, { after: all.at(-1)!.id, limit: 2 }), []);
  assert.deepEqual(await place.events.newest(id), all.at(-1));
  assert.equal(await place.events.knows(id, all[2]!.id), true);
  assert.equal(await place.events.knows(id, '0-0'), true);
  assert.equal(await place.events.knows(id, '1-1'), false);
  for (const malformed of ['x', '1', '1-', '$', '+', '1-1 1']) {
    await assert.rejects(
      place.events.read(id, { after: malformed, limit: 1 }),
      withCode('validation_failed'),
    );
    await assert.rejects(place.events.knows(id, malformed), withCode('validation_failed'));
  }
});

test('metrics are returned as series, filtered by name, range and number of points', async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  for (let i = 0; i <= 1_200; i++) {
    await place.events.append(id, fence, metrics(i, { a: i, b: i === 5 ? null : -i }));
  }
  const read = (query = {}) => readMetrics(place.redis, place.keys, id, query);
  const all = await read();
  assert.deepEqual(Object.keys(all), ['a', 'b']);
  assert.equal(all.a!.length, 1_201);
  assert.deepEqual(all.b![5], [5, null]);
  assert.deepEqual(await read({ names: ['a'], from: 3, to: 5 }), {
    a: [
      [3, 3],
      [4, 4],
      [5, 5],
    ],
  });
  const thinned = (await read({ names: ['a'], maxPoints: 7 })).a!;
  assert.deepEqual(
    thinned.map(([iteration]) => iteration),
    [0, 200, 400, 600, 800, 1000, 1200],
  );
  assert.deepEqual(await read({ from: 5_000 }), {});
});

test('validation scores are returned as series without secondsElapsed', async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  for (const iteration of [10, 20]) {
    await place.events.append(id, fence, metrics(iteration));
    const validation = { type: 'validation', data: exampleValidation(iteration, 1 / iteration) } as const;
    assert.notEqual(await place.events.append(id, fence, validation), null);
    assert.equal(await place.events.append(id, fence, validation), null);
  }
  const series = await readMetrics(place.redis, place.keys, id);
  assert.deepEqual(series.frechetJointDistance, [
    [10, 0.1],
    [20, 0.05],
  ]);
  assert.deepEqual(series.ganLoss?.length, 2);
  assert.equal('secondsElapsed' in series, false);
});

test('subscribers that join while a run writes get every event exactly once', async (t) => {
  const place = await workplace(t);
  const hub = hubOf(place);
  const { id, fence } = await runningRun(place);
  const writing = (async () => {
    for (let i = 0; i < 600; i++) await place.events.append(id, fence, log(`${i}`));
    await place.runs.settle(id, fence, 'succeeded');
  })();
  const reading: Promise<RunEvent[]>[] = [];
  for (let i = 0; i < 12; i++) {
    reading.push(collect(hub.subscribe(id, { signal: neverAborted })));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await writing;
  const all = await allEvents(place, id);
  assert.equal(all.length, 604);
  for (const events of await Promise.all(reading)) assert.deepEqual(events, all);
  assert.equal(hub.subscribers, 0);
  assert.deepEqual(
    await collect(hub.subscribe(id, { after: all[100]!.id, signal: neverAborted })),
    all.slice(101),
  );
  assert.deepEqual(await collect(hub.subscribe(id, { after: all.at(-1)!.id, signal: neverAborted })), []);
});

test('a subscriber that joins while the run ends gets the end event and finishes', {
  timeout: 120_000,
}, async (t) => {
  const place = await workplace(t);
  const { id, fence } = await runningRun(place);
  /** If set, the query for the newest event returns only after this promise. */
  let delay: Promise<unknown> | undefined;
  const newestQuery = new EventEmitter();
  const redis = new Proxy(place.redis, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'xrevrange' || delay === undefined) return value.bind(target);
      return async (...args: unknown[]) => {
        const reply = await Reflect.apply(value, target, args);
        newestQuery.emit('reply');
        await delay;
        return reply;
      };
    },
  });
  const hub = new EventHub(redis, place.target, place.keys);
  place.onEnd(() => hub.close());
  // It reads only one event, which keeps the subscription open.
  const idle = hub.subscribe(id, { signal: neverAborted });
  await idle.next();
  const subscriber = collect(hub.subscribe(id, { signal: neverAborted }));
  await until('the subscriptions', async () => hub.subscribers === 2);

  delay = once(newestQuery, 'release');
  const replied = once(newestQuery, 'reply');
  const joining = collect(hub.subscribe(id, { signal: neverAborted }));
  await replied;
  await place.runs.settle(id, fence, 'failed');
  await subscriber;
  newestQuery.emit('release');
  assert.deepEqual(await joining, await allEvents(place, id));
  assert.equal(hub.subscribers, 1);
  await idle.return();
});

test('each subscriber gets only the events of its run', async (t) => {
  const place = await workplace(t);
  const hub = hubOf(place);
  const runs = [await runningRun(place), await runningRun(place), await runningRun(place)];
  const reading = runs.map(({ id }) => collect(hub.subscribe(id, { signal: neverAborted })));
  for (let i = 0; i < 50; i++) {
    for (const { id, fence } of runs) await place.events.append(id, fence, log(`${id} ${i}`));
  }
  for (const { id, fence } of runs) await place.runs.settle(id, fence, 'failed');
  const received = await Promise.all(reading);
  for (const [i, { id }] of runs.entries()) assert.deepEqual(received[i], await allEvents(place, id));
});

test('a subscriber that falls far behind still gets every event', async (t) => {
  const place = await workplace(t);
  const hub = hubOf(place);
  const { id, fence } = await runningRun(place);
  const events = hub.subscribe(id, { signal: neverAborted });
  const first = [await events.next(), await events.next()].map(({ value }) => value as RunEvent);
  const third = events.next();
  for (let i = 0; i < 2_500; i++) await place.events.append(id, fence, log(`${i}`));
  await place.runs.settle(id, fence, 'failed');
  const rest = await collect(events);
  assert.deepEqual([...first, (await third).value, ...rest], await allEvents(place, id));
});

test('a subscription survives a restart of Redis', async (t) => {
  const place = await workplace(t);
  const hub = hubOf(place);
  const { id, fence } = await runningRun(place);
  const reading = collect(hub.subscribe(id, { signal: neverAborted }));
  await until('the subscription', async () => hub.subscribers === 1);
  await place.server().close();
  await place.startServer();
  await until('Redis to restart', () =>
    place.events.append(id, fence, log('after the restart')).catch(() => undefined),
  );
  await place.runs.settle(id, fence, 'failed');
  assert.deepEqual(await reading, await allEvents(place, id));
});

test('an abort or closing the hub ends a waiting subscription', async (t) => {
  const place = await workplace(t);
  const hub = hubOf(place);
  const { id } = await runningRun(place);
  const abort = new AbortController();
  const aborted = collect(hub.subscribe(id, { signal: abort.signal }));
  const closed = collect(hub.subscribe(id, { signal: neverAborted }));
  await until('the subscriptions', async () => hub.subscribers === 2);
  abort.abort();
  assert.equal((await aborted).length, 2);
  assert.equal(hub.subscribers, 1);
  await hub.close();
  assert.equal((await closed).length, 2);
  assert.deepEqual(await collect(hub.subscribe(id, { signal: abort.signal })), []);
});

test('a run that publishes a model waits until every subscriber has loaded it or failed to', async (t) => {
  const place = await workplace(t);
  const { redis, keys } = place;
  assert.equal(await publishModel(redis, keys, 'mdl_0'), 0);
  const loaded: string[] = [];
  for (const name of ['a', 'b']) {
    const subscriber = connectRedis(place.target, 'patient');
    place.onEnd(() => subscriber.disconnect());
    await onModelPublished(redis, subscriber, keys, async (modelId) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      loaded.push(`${name} ${modelId}`);
      if (name === 'b') throw new Error('the model cannot be loaded');
    });
  }
  const receivers = await publishModel(redis, keys, 'mdl_1');
  assert.equal(receivers, 2);
  assert.equal(await awaitLoaded(redis, keys, 'mdl_1', receivers, 60_000), true);
  assert.deepEqual(loaded.sort(), ['a mdl_1', 'b mdl_1']);
  assert.equal(await awaitLoaded(redis, keys, 'mdl_2', 1, 10), false);
});
