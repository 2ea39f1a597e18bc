import assert from 'node:assert/strict';
import test from 'node:test';
import { newModelId, newRunId } from '../../src/core/contracts/common.ts';
import { StylographError } from '../../src/core/errors.ts';
import { allEvents, newRun, statesIn, until, withCode, workplace } from './support.ts';

test('a run is recorded, told and enqueued', async (t) => {
  const place = await workplace(t);
  const request = newRun({ iterations: 12 }, { tags: ['a'], from: newModelId() });
  const { run, replayed } = await place.runs.create(request);
  assert.equal(replayed, false);
  const { id, createdAt, ...rest } = run;
  assert.deepEqual(rest, {
    ...request,
    state: 'queued',
    progress: {
      phase: 'loading',
      iteration: 0,
      iterations: 12,
      secondsElapsed: 0,
      secondsRemaining: null,
      imagesPerSecond: 0,
    },
    metrics: {},
    device: null,
    startedAt: null,
    finishedAt: null,
  });
  assert.ok(Date.parse(createdAt) > 0);
  assert.deepEqual(await place.runs.get(id), run);
  assert.deepEqual(statesIn(await allEvents(place, id)), ['queued']);
  assert.equal(await place.runs.countQueued(), 1);
  assert.deepEqual(
    (await place.runs.queue.getWaiting()).map(({ data }) => data),
    [{ runId: id, number: 1 }],
  );
  await assert.rejects(place.runs.get(newRunId()), withCode('run_not_found'));
  await assert.rejects(place.runs.get('no id'), withCode('run_not_found'));
});

test('of many that ask at once, one moves the run', async (t) => {
  const place = await workplace(t);
  const { run } = await place.runs.create(newRun());
  const asked = await Promise.allSettled(
    Array.from({ length: 20 }, () => place.runs.request(run.id, 'cancel')),
  );
  assert.equal(asked.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.deepEqual(statesIn(await allEvents(place, run.id)), ['queued', 'cancelled']);
});

test('a run cancelled while it waits leaves the queue', async (t) => {
  const place = await workplace(t);
  const { run } = await place.runs.create(newRun());
  await place.runs.request(run.id, 'cancel');
  assert.equal(await place.runs.queue.getWaitingCount(), 0);
  assert.equal(await place.runs.countQueued(), 0);
  assert.equal(await place.runs.take({ runId: run.id, number: 1 }), undefined);
});

test('an idempotency key gives the same run, and a conflict for another body', async (t) => {
  const place = await workplace(t);
  const idempotency = { key: 'k', bodyDigest: 'a' };
  const created = await Promise.all(
    Array.from({ length: 10 }, () => place.runs.create(newRun(), { idempotency })),
  );
  assert.equal(new Set(created.map(({ run }) => run.id)).size, 1);
  assert.equal(created.filter(({ replayed }) => !replayed).length, 1);
  assert.equal((await place.runs.list({ limit: 10 })).items.length, 1);
  await assert.rejects(
    place.runs.create(newRun(), { idempotency: { key: 'k', bodyDigest: 'b' } }),
    withCode('idempotency_conflict'),
  );
  const other = await place.runs.create(newRun(), { idempotency: { key: 'l', bodyDigest: 'b' } });
  assert.equal(other.replayed, false);
  const ttl = await place.redis.ttl(place.keys.idempotency('k'));
  assert.ok(ttl > 86_000 && ttl <= 86_400);

  await place.runs.request(other.run.id, 'cancel');
  await place.runs.remove(other.run.id);
  const again = await place.runs.create(newRun(), { idempotency: { key: 'l', bodyDigest: 'b' } });
  assert.equal(again.replayed, false);
});

test('the queue of runs is bounded', async (t) => {
  const place = await workplace(t, { queueLimit: 2 });
  const { run } = await place.runs.create(newRun());
  await place.runs.create(newRun());
  await assert.rejects(place.runs.create(newRun()), (error: Error & { retryAfter?: number }) => {
    assert.ok(withCode('queue_full')(error));
    assert.ok((error.retryAfter ?? 0) > 0);
    return true;
  });
  await place.runs.request(run.id, 'cancel');
  await place.runs.create(newRun());
});

test('runs are listed newest first, in pages that do not shift', async (t) => {
  const place = await workplace(t);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    ids.unshift((await place.runs.create(newRun())).run.id);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const first = await place.runs.list({ limit: 2 });
  await place.runs.create(newRun());
  const second = await place.runs.list({ limit: 2, cursor: first.nextCursor! });
  const third = await place.runs.list({ limit: 2, cursor: second.nextCursor! });
  assert.deepEqual(
    [...first.items, ...second.items, ...third.items].map(({ id }) => id),
    ids,
  );
  assert.equal(third.nextCursor, null);
  await assert.rejects(place.runs.list({ limit: 2, cursor: 'x' }), withCode('validation_failed'));
});

test('a finished run can be removed, with all that is known of it', async (t) => {
  const place = await workplace(t);
  const { run } = await place.runs.create(newRun());
  await assert.rejects(place.runs.remove(run.id), withCode('invalid_state'));
  const fence = (await place.runs.take({ runId: run.id, number: 1 }))!;
  await place.events.append(run.id, fence, { type: 'metrics', data: { iteration: 1, ganLoss: 1 } });
  await place.runs.settle(run.id, fence, 'failed');
  await place.runs.remove(run.id);
  await assert.rejects(place.runs.get(run.id), withCode('run_not_found'));
  assert.deepEqual(await place.redis.keys(`*${run.id}*`), [
    `${place.keys.bullPrefix}:${place.keys.bullQueue}:${run.id}-1`,
  ]);
  await assert.rejects(place.runs.remove(run.id), withCode('run_not_found'));
});

test('a run whose files could not be removed is there to be removed again', async (t) => {
  const place = await workplace(t);
  const { run } = await place.runs.create(newRun());
  await place.runs.request(run.id, 'cancel');
  const away = new StylographError('store_unavailable', 'The store does not answer.');
  await assert.rejects(
    place.runs.remove(run.id, () => Promise.reject(away)),
    withCode('store_unavailable'),
  );
  assert.equal((await place.runs.get(run.id)).state, 'cancelled');
  await place.runs.remove(run.id);
  await assert.rejects(place.runs.get(run.id), withCode('run_not_found'));
});

test('only the newest owner may write', async (t) => {
  const place = await workplace(t);
  const { id } = (await place.runs.create(newRun())).run;
  const first = (await place.runs.take({ runId: id, number: 1 }))!;
  const second = (await place.runs.take({ runId: id, number: 1 }))!;
  assert.ok(second > first);
  assert.deepEqual(statesIn(await allEvents(place, id)), ['queued', 'running', 'queued', 'running']);
  const log = { type: 'log', data: { level: 'info', message: 'x' } } as const;
  const lost = withCode('fence_lost');
  await assert.rejects(place.events.append(id, first, log), lost);
  await assert.rejects(place.runs.patch(id, first, { device: 'cpu' }), lost);
  await assert.rejects(place.runs.checkFence(id, first), lost);
  await assert.rejects(place.runs.countCrash(id, first), lost);
  await assert.rejects(place.runs.beginPublishing(id, first, newModelId()), lost);
  await assert.rejects(place.runs.settle(id, first, 'failed'), lost);
  await place.events.append(id, second, log);
  await place.runs.patch(id, second, { device: 'cpu' });
  assert.equal((await place.runs.get(id)).device, 'cpu');
  await place.runs.settle(id, second, 'succeeded');
  // Sent again because its answer was lost: it stands, and is told once.
  await place.runs.settle(id, second, 'succeeded');
  assert.deepEqual(statesIn(await allEvents(place, id)).at(-2), 'running');
});

test('a request made while no worker listens is honoured when one takes the run', async (t) => {
  const place = await workplace(t);
  for (const [kind, state] of [
    ['pause', 'paused'],
    ['cancel', 'cancelled'],
  ] as const) {
    const { id } = (await place.runs.create(newRun())).run;
    await place.runs.take({ runId: id, number: 1 });
    await place.runs.request(id, kind);
    assert.equal(await place.runs.take({ runId: id, number: 1 }), undefined);
    assert.equal((await place.runs.get(id)).state, state);
  }
});

test('a job that is not the current one starts nothing', async (t) => {
  const place = await workplace(t);
  const { id } = (await place.runs.create(newRun())).run;
  const fence = (await place.runs.take({ runId: id, number: 1 }))!;
  await place.runs.settle(id, fence, 'stopped');
  assert.equal(await place.runs.take({ runId: id, number: 1 }), undefined);
  assert.ok(await place.runs.take({ runId: id, number: 2 }));
});

test('from publishing on a run can be neither paused nor cancelled, and keeps its model id', async (t) => {
  const place = await workplace(t);
  const { id } = (await place.runs.create(newRun())).run;
  const fence = (await place.runs.take({ runId: id, number: 1 }))!;
  const modelId = newModelId();
  assert.equal(await place.runs.beginPublishing(id, fence, modelId), modelId);
  for (const kind of ['pause', 'cancel'] as const) {
    await assert.rejects(place.runs.request(id, kind), withCode('invalid_state'));
  }
  const next = (await place.runs.take({ runId: id, number: 1 }))!;
  assert.equal((await place.runs.request(id, 'pause')).state, 'pausing');
  assert.equal(await place.runs.beginPublishing(id, next, newModelId()), undefined);
  await place.runs.settle(id, next, 'stopped');
  await place.runs.request(id, 'resume');
  const last = (await place.runs.take({ runId: id, number: 2 }))!;
  assert.equal(await place.runs.beginPublishing(id, last, newModelId()), modelId);
});

test('crashes are counted up to the next checkpoint', async (t) => {
  const place = await workplace(t);
  const { id } = (await place.runs.create(newRun())).run;
  const fence = (await place.runs.take({ runId: id, number: 1 }))!;
  assert.equal(await place.runs.countCrash(id, fence), 1);
  assert.equal(await place.runs.countCrash(id, fence), 2);
  const digest = '0'.repeat(64);
  await place.events.append(id, fence, { type: 'checkpoint', data: { iteration: 1, digest } });
  assert.equal(await place.runs.countCrash(id, fence), 1);
});

test('a run that lost its job gets it back', async (t) => {
  const place = await workplace(t);
  const { id } = (await place.runs.create(newRun())).run;
  await place.runs.queue.remove(`${id}-1`);
  await place.runs.reconcile();
  await place.runs.reconcile();
  assert.deepEqual(
    (await place.runs.queue.getWaiting()).map(({ data }) => data),
    [{ runId: id, number: 1 }],
  );
});

test('while Redis is away calls fail at once, and work again when it is back', async (t) => {
  const place = await workplace(t);
  const { run } = await place.runs.create(newRun());
  await place.server().close();
  for (const call of [
    () => place.runs.get(run.id),
    () => place.runs.create(newRun()),
    () => place.runs.request(run.id, 'cancel'),
    () => place.runs.list({ limit: 1 }),
    () => place.events.read(run.id, { limit: 1 }),
  ]) {
    await assert.rejects(call(), withCode('redis_unavailable'));
  }
  await place.startServer();
  const back = await until('Redis to be back', () => place.runs.get(run.id).catch(() => undefined));
  assert.deepEqual(back, run);
});
