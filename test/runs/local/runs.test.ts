import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { RunEvent, RunEventBody } from '../../../src/core/contracts/run.ts';
import { LocalEvents } from '../../../src/runs/local/events.ts';
import { LocalRuns } from '../../../src/runs/local/runs.ts';
import { newRun, withCode } from '../support.ts';

/** Two processes' views of one folder. */
async function place(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'stylograph-local-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const [runs, others] = [new LocalRuns(root), new LocalRuns(root)];
  const start = async () => {
    const { id } = (await runs.create(newRun({ iterations: 20 }))).run;
    return { id, fence: await runs.take(id) };
  };
  return { root, runs, others, events: new LocalEvents(runs), otherEvents: new LocalEvents(others), start };
}

const metrics = (iteration: number): RunEventBody => ({ type: 'metrics', data: { iteration, ganLoss: 1 } });
const statesIn = (events: RunEvent[]): unknown[] =>
  events.filter(({ type }) => type === 'state').map(({ data }) => data.state);

test('a run that one process trains is seen by another, and both agree on its events', async (t) => {
  const { runs, others, events, otherEvents, start } = await place(t);
  const { id, fence } = await start();
  assert.equal((await others.get(id)).state, 'running');
  await events.append(id, fence, metrics(10));
  const told = await otherEvents.read(id, { limit: 99 });
  assert.deepEqual(told, await events.read(id, { limit: 99 }));
  assert.deepEqual((await others.get(id)).metrics, { iteration: 10, ganLoss: 1 });
  assert.ok(await otherEvents.knows(id, told.at(-1)!.id));
  assert.deepEqual(await events.read(id, { after: told[1]!.id, limit: 1 }), [told[2]]);
  await runs.settle(id, fence, { running: 'succeeded' }, { modelId: 'mdl_x' });
  const { state, modelId, finishedAt } = await others.get(id);
  assert.deepEqual([state, modelId, typeof finishedAt], ['succeeded', 'mdl_x', 'string']);
  assert.equal((await events.newest(id))?.type, 'end');
});

test('an iteration is told once, also by a process that computes it again', async (t) => {
  const { runs, others, events, otherEvents, start } = await place(t);
  const { id, fence } = await start();
  for (const iteration of [10, 20]) await events.append(id, fence, metrics(iteration));
  await runs.settle(id, fence, { running: 'paused' });
  await others.request(id, 'resume');
  const again = await others.take(id);
  assert.equal(await otherEvents.append(id, again, metrics(20)), null);
  assert.notEqual(await otherEvents.append(id, again, metrics(30)), null);
  assert.deepEqual((await events.metrics(id, { from: 20 })).ganLoss, [
    [20, 1],
    [30, 1],
  ]);
  await assert.rejects(events.append(id, fence, metrics(40)), withCode('fence_lost'));
  await assert.rejects(runs.checkFence(id, fence), withCode('fence_lost'));
});

test('what does not apply to a run is refused with the state it is in', async (t) => {
  const { runs, others, start } = await place(t);
  const { id, fence } = await start();
  await assert.rejects(others.take(id), withCode('invalid_state'));
  await assert.rejects(others.request(id, 'resume'), /running and cannot resume; only a run that is paused/);
  await assert.rejects(
    others.remove(id, async () => undefined),
    withCode('invalid_state'),
  );
  assert.equal((await others.request(id, 'pause')).state, 'pausing');
  assert.equal(await runs.beginPublishing(id, fence, 'mdl_a'), undefined);
  await assert.rejects(runs.get('run_01JD9YQ7M2T4V6X8Z0B2D4F6H8'), withCode('run_not_found'));
  await assert.rejects(runs.get('../../etc'), withCode('run_not_found'));
});

test('from the moment it publishes, a run is not paused, and publishes under one id', async (t) => {
  const { runs, others, start } = await place(t);
  const { id, fence } = await start();
  assert.equal(await runs.beginPublishing(id, fence, 'mdl_a'), 'mdl_a');
  await assert.rejects(others.request(id, 'pause'), /publishing its model/);
  await runs.settle(id, fence, { running: 'paused' });
  await others.request(id, 'resume');
  assert.equal(await others.beginPublishing(id, await others.take(id), 'mdl_b'), 'mdl_a');
});

test('a line that was cut off by a crash is skipped, and what follows counts', async (t) => {
  const { root, events, otherEvents, start } = await place(t);
  const { id, fence } = await start();
  await appendFile(join(root, 'runs', id, 'journal.jsonl'), '\n{"type":"event","fence":1,"bo');
  await events.append(id, fence, metrics(10));
  assert.deepEqual(
    (await otherEvents.read(id, { limit: 99 })).map(({ type }) => type),
    ['state', 'state', 'metrics'],
  );
});

test('a run whose process was killed is paused for whoever looks next, and can go on', async (t) => {
  const { root, runs, events } = await place(t);
  const { id } = (await runs.create(newRun())).run;
  const script = `
    const { LocalRuns } = await import(${JSON.stringify(new URL('../../../src/runs/local/runs.ts', import.meta.url).href)});
    await new LocalRuns(${JSON.stringify(root)}).take(${JSON.stringify(id)});
    process.kill(process.pid, 'SIGKILL');`;
  spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  const { state, error } = (await runs.list({ limit: 5 })).items[0]!;
  assert.deepEqual([state, error?.code], ['paused', 'child_died']);
  const resumed = await runs.request(id, 'resume');
  assert.deepEqual([resumed.state, resumed.error], ['queued', undefined]);
  assert.equal(await runs.take(id), 3);
  assert.deepEqual(statesIn(await events.read(id, { limit: 99 })), [
    'queued',
    'running',
    'paused',
    'queued',
    'running',
  ]);
});

test('subscribers get what was told and what comes, to the end', async (t) => {
  const { runs, events, otherEvents, start } = await place(t);
  const { id, fence } = await start();
  await events.append(id, fence, metrics(10));
  const seen: string[] = [];
  const listening = (async () => {
    for await (const { type } of otherEvents.subscribe(id, { signal: AbortSignal.timeout(20_000) }))
      seen.push(type);
  })();
  await new Promise((resolve) => setTimeout(resolve, 150));
  await events.append(id, fence, metrics(20));
  await runs.settle(id, fence, { running: 'succeeded' });
  await listening;
  assert.deepEqual(seen, ['state', 'state', 'metrics', 'metrics', 'state', 'end']);
  const stopped = events.subscribe(id, { signal: AbortSignal.abort() });
  assert.ok((await stopped.next()).done);
});

test('a subscriber that keeps looking misses nothing of what is told meanwhile, a pause least of all', async (t) => {
  const { runs, events, otherEvents, start } = await place(t);
  const { id, fence } = await start();
  const seen: RunEvent[] = [];
  const listening = (async () => {
    for await (const event of otherEvents.subscribe(id, { signal: AbortSignal.timeout(60_000) })) {
      seen.push(event);
      if (event.data.state === 'paused') return;
    }
  })();
  for (let iteration = 1; iteration <= 300; iteration++) await events.append(id, fence, metrics(iteration));
  await runs.settle(id, fence, { running: 'paused' });
  await listening;
  assert.deepEqual(seen, await events.read(id, { limit: 999 }));
});

test('runs are listed newest first, page by page', async (t) => {
  const { runs, others } = await place(t);
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    ids.unshift((await runs.create(newRun())).run.id);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const first = await others.list({ limit: 2 });
  assert.deepEqual(
    first.items.map(({ id }) => id),
    ids.slice(0, 2),
  );
  const second = await others.list({ limit: 2, cursor: first.nextCursor! });
  assert.deepEqual([second.items.map(({ id }) => id), second.nextCursor], [ids.slice(2), null]);
});
