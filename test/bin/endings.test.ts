import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { processTree } from '../../bench/lib/processes.ts';
import { isAlive } from '../../src/platform/processes/proc.ts';
import { ModelRegistry, openFolderStore } from '../../src/store/index.ts';
import { publishModel } from '../api/test-server.ts';
import { writeSmallMnist } from '../data/mnist-files.ts';
import { until } from '../runs/support.ts';
import { type Service, spawnServer, startServiceIn } from './support.ts';

/** How the real processes of the service end when they are stopped, killed or crash. */

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what the tests assert of them
const json = async (url: string, init: RequestInit = {}): Promise<any> =>
  await (await fetch(url, init)).json();

const config = {
  iterations: 100_000,
  warmupIterations: 100_000,
  batchSize: 8,
  latentDim: 2,
  networks: { encoder: [4, 4, 8], decoder: [8, 4, 4], discriminator: [4, 4, 4] },
  checkpointEvery: 10,
  metricsEvery: 10,
  sampleEvery: 100_000,
};

async function place(t: TestContext): Promise<{ folder: string; modelId: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-endings-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  await writeSmallMnist(folder);
  const { id: modelId } = await publishModel(new ModelRegistry(await openFolderStore(folder)));
  return { folder, modelId };
}

async function startRun({ url }: Service): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ preset: 'quick', seed: 3, config });
  const { id } = await json(`${url}/runs`, { method: 'POST', headers, body });
  return id;
}

const stateOf = async ({ url }: Service, id: string): Promise<string> =>
  (await json(`${url}/runs/${id}`)).state;

const untilIteration = (service: Service, id: string, iteration: number) =>
  until(
    `iteration ${iteration}`,
    async () => (await json(`${service.url}/runs/${id}`)).progress.iteration >= iteration,
    300_000,
  );

/** The child processes of a service, without its Redis, which outlives it. */
const childrenOf = ({ process: { pid } }: Service): number[] =>
  processTree(pid!)
    .slice(1)
    .flatMap(({ pid: child, command }) => (command.includes('redis.sock') ? [] : [child]));

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function cancel(service: Service, id: string): Promise<void> {
  await fetch(`${service.url}/runs/${id}/cancel`, { method: 'POST' });
  await until('the end of the run', async () => (await stateOf(service, id)) === 'cancelled', 120_000);
}

test('on SIGTERM, even twice, a server becomes unready, answers pending requests and queues its run again', {
  timeout: 600_000,
}, async (t) => {
  const { folder } = await place(t);
  let service = await startServiceIn(folder, { DRAIN_SECONDS: '3' });
  const id = await startRun(service);
  await untilIteration(service, id, 3);
  const body = JSON.stringify({ items: Array.from({ length: 10 }, (_, label) => ({ label, count: 100 })) });
  const headers = { 'content-type': 'application/json' };
  const answer = fetch(`${service.url}/generate`, { method: 'POST', headers, body });
  const children = childrenOf(service);
  assert.ok(children.length >= 3, 'inference, worker and run have processes');

  service.process.kill('SIGTERM');
  const unready = await until('the server to become unready', async () => {
    const ready = await fetch(`${service.url}/health/ready`);
    return ready.status === 503 && ready.json();
  });
  assert.ok(
    (unready as { reasons: { component: string }[] }).reasons.some(({ component }) => component === 'server'),
  );
  assert.equal((await fetch(`${service.url}/generate?label=3`)).status, 200);
  service.process.kill('SIGTERM');
  const answered = await answer;
  assert.equal(answered.status, 200);
  assert.equal(((await answered.json()) as { images: unknown[] }).images.length, 1000);
  assert.equal(await service.stop(), 0);
  assert.deepEqual(children.filter(isThere), []);

  service = await startServiceIn(folder);
  try {
    const events = (await json(`${service.url}/runs/${id}/events?limit=200`)).items as {
      type: string;
      data: { state?: string };
    }[];
    const kinds = events.map(({ type, data }) => data.state ?? type);
    assert.ok(
      kinds.lastIndexOf('checkpoint') < kinds.lastIndexOf('queued'),
      'it was checkpointed before it was queued again',
    );
    await cancel(service, id);
  } finally {
    await service.stop();
  }
});

test('on SIGTERM while its Redis starts, a server stops that Redis and starts nothing else', {
  timeout: 120_000,
}, async (t) => {
  const { folder } = await place(t);
  const told = join(folder, 'pid');
  const program = join(folder, 'redis.sh');
  // This Redis never becomes ready.
  const lines = [
    '#!/bin/sh',
    `echo $$ > ${told}.new && mv ${told}.new ${told}`,
    'exec tail -f /dev/null',
    '',
  ];
  writeFileSync(program, lines.join('\n'), { mode: 0o700 });
  const server = spawnServer(folder, { REDIS_SERVER: program });
  const ended = once(server, 'exit');
  const redis = await until('its Redis', async () => existsSync(told) && Number(readFileSync(told, 'utf8')));
  assert.equal(isAlive(redis, 'ours'), true);
  server.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  // A zombie counts as dead.
  assert.equal(isAlive(redis, 'ours'), false);
});

test('a killed server leaves no child process, and the next server resumes with its Redis and its run', {
  timeout: 600_000,
}, async (t) => {
  const { folder } = await place(t);
  const killed = await startServiceIn(folder);
  const id = await startRun(killed);
  await untilIteration(killed, id, 12);
  const children = childrenOf(killed);
  killed.process.kill('SIGKILL');
  await until('its children to end', async () => children.every((pid) => !isThere(pid)), 60_000);

  const service = await startServiceIn(folder);
  try {
    assert.equal((await fetch(`${service.url}/generate?label=3`)).status, 200);
    const before = (await json(`${service.url}/runs/${id}`)).progress.iteration;
    await untilIteration(service, id, before + 1);
    await cancel(service, id);
  } finally {
    assert.equal(await service.stop(), 0);
  }
});

test('a private Redis and a worker that are killed are restarted, and the run resumes', {
  timeout: 600_000,
}, async (t) => {
  const { folder } = await place(t);
  const service = await startServiceIn(folder);
  try {
    const id = await startRun(service);
    await untilIteration(service, id, 12);
    const find = (pattern: RegExp) =>
      processTree(service.process.pid!).find(({ command }) => pattern.test(command))!.pid;
    process.kill(find(/redis\.sock/), 'SIGKILL');
    const ready = async () => (await fetch(`${service.url}/health/ready`)).status === 200;
    await until('Redis to restart', ready);
    process.kill(find(/children\/worker/), 'SIGKILL');
    const { iteration } = (await json(`${service.url}/runs/${id}`)).progress;
    await untilIteration(service, id, iteration + 20);
    assert.equal((await fetch(`${service.url}/generate?label=3`)).status, 200);
    await cancel(service, id);
  } finally {
    assert.equal(await service.stop(), 0);
  }
});
