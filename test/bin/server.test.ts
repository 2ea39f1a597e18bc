import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EventSource } from 'eventsource';
import sharp from 'sharp';
import { writeSmallMnist } from '../data/mnist-files.ts';
import { type Service, startServiceIn } from './support.ts';

/** The whole service as `npm start` runs it, on real MNIST. */
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylograph-service-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const startService = (env: Record<string, string> = {}): Promise<Service> => startServiceIn(folder, env);

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what the tests assert of them
const json = async (response: Response): Promise<any> => await response.json();

/** All events of a run up to `end`, read by an SSE client. */
function follow(url: string): Promise<{ type: string; data: Record<string, unknown>; id: string }[]> {
  const types = ['state', 'progress', 'metrics', 'sample', 'checkpoint', 'log', 'end'];
  return new Promise((resolve) => {
    const events: { type: string; data: Record<string, unknown>; id: string }[] = [];
    const source = new EventSource(url);
    for (const type of types) {
      source.addEventListener(type, (event) => {
        events.push({ type, data: JSON.parse(event.data), id: event.lastEventId });
        if (type !== 'end') return;
        source.close();
        resolve(events);
      });
    }
  });
}

/** Networks of a few kilobytes. The tests do not depend on what they learn. */
const small = {
  batchSize: 8,
  networks: { encoder: [4, 4, 8], decoder: [8, 4, 4], discriminator: [4, 4, 4] },
  figures: { frames: 2, grid: 3 },
};

/** Other processes with the test's folder in their environment. */
async function leftovers(): Promise<string[]> {
  const { readdirSync, readFileSync } = await import('node:fs');
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DATA_DIR=${folder}`);
    } catch {
      return false;
    }
  });
}

test('a posted run succeeds with an evaluation, and its model generates and transfers styles', {
  timeout: 600_000,
}, async () => {
  const service = await startService();
  try {
    const { url } = service;
    assert.equal((await fetch(`${url}/health/ready`)).status, 200);
    assert.equal((await fetch(`${url}/generate?label=3`)).status, 404);

    const config = {
      iterations: 12,
      warmupIterations: 6,
      checkpointEvery: 5,
      metricsEvery: 5,
      sampleEvery: 12,
      ...small,
    };
    const posted = await fetch(`${url}/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ preset: 'quick', seed: 5, config }),
    });
    assert.equal(posted.status, 202);
    const events = await follow(`${url}${posted.headers.get('location')}/events`);
    const states = events.filter(({ type }) => type === 'state').map(({ data }) => data.state);
    assert.deepEqual(states, ['queued', 'running', 'succeeded']);
    const iterations = (kind: string) =>
      events.filter(({ type }) => type === kind).map(({ data }) => data.iteration);
    assert.deepEqual(iterations('metrics'), [5, 10, 12]);
    assert.deepEqual(iterations('checkpoint'), [5, 10, 12]);
    assert.equal(iterations('sample').length, 4);

    const run = await json(await fetch(`${url}${posted.headers.get('location')}`));
    assert.equal(run.state, 'succeeded');
    assert.equal(run.evaluation.samples, 2_000);
    const generated = await fetch(`${url}/generate?label=3&seed=9`);
    assert.equal(generated.headers.get('content-type'), 'image/png');
    assert.equal(generated.headers.get('x-model-id'), run.modelId);
    const picture = Buffer.from(await generated.arrayBuffer());
    const { width, height } = await sharp(picture).metadata();
    assert.deepEqual([width, height], [28, 28]);
    const again = Buffer.from(await (await fetch(`${url}/generate?label=3&seed=9`)).arrayBuffer());
    assert.deepEqual(again, picture);

    const headers = { 'content-type': 'image/png', accept: 'application/json' };
    const transferred = await json(
      await fetch(`${url}/style-transfer?label=3`, { method: 'POST', headers, body: picture }),
    );
    const [{ images }] = transferred.results;
    assert.deepEqual(
      images.map(({ label }: { label: string }) => label),
      [...'0123456789'],
    );
    const figures = (await json(await fetch(`${url}${posted.headers.get('location')}/figures`))).items;
    for (const { href } of figures) assert.equal((await fetch(`${url}${href}`)).status, 200);
  } finally {
    assert.equal(await service.stop(), 0);
  }
  assert.deepEqual(await leftovers(), []);
});

test('a restarted server serves its models and keeps runs and events', {
  timeout: 600_000,
}, async () => {
  const service = await startService({ DEMO: '1' });
  try {
    const { url } = service;
    assert.ok(!service.printed().includes('quick run'), 'a model exists, so no demo run starts');
    const { items } = await json(await fetch(`${url}/runs`));
    assert.equal(items.length, 1);
    let events = await json(await fetch(`${url}/runs/${items[0]!.id}/events?limit=200`));
    while (events.nextCursor !== null) {
      const next = `${url}/runs/${items[0]!.id}/events?limit=200&after=${events.nextCursor}`;
      events = await json(await fetch(next));
    }
    assert.equal(events.items.at(-1)!.type, 'end');
    assert.equal((await fetch(`${url}/generate?label=7`)).status, 200);
  } finally {
    assert.equal(await service.stop(), 0);
  }
});

test('a second server on the same port exits with a message', { timeout: 600_000 }, async () => {
  const first = await startService();
  const other = mkdtempSync(join(tmpdir(), 'stylograph-other-'));
  try {
    const port = new URL(first.url).port;
    await assert.rejects(
      startService({ PORT: port, DATA_DIR: other }),
      /ended with 2: [\s\S]*PORT: another program uses \d+ on 127\.0\.0\.1/,
    );
  } finally {
    await first.stop();
    rmSync(other, { recursive: true, force: true });
  }
});

test('a second server on the same data folder is refused, and the first one keeps serving', {
  timeout: 600_000,
}, async () => {
  const first = await startService();
  try {
    await assert.rejects(
      startService(),
      /ended with 1: [\s\S]*already serves from this data folder[\s\S]*DATA_DIR/,
    );
    assert.equal((await fetch(`${first.url}/health/ready`)).status, 200);
    assert.equal((await fetch(`${first.url}/runs`)).status, 200);
  } finally {
    await first.stop();
  }
});

test('an unfinished run resumes when the server restarts after SIGTERM', {
  timeout: 600_000,
}, async (t) => {
  const ownFolder = mkdtempSync(join(tmpdir(), 'stylograph-resumed-'));
  t.after(() => rmSync(ownFolder, { recursive: true, force: true }));
  await writeSmallMnist(ownFolder);
  let service = await startServiceIn(ownFolder);
  const config = {
    iterations: 200,
    warmupIterations: 200,
    checkpointEvery: 1000,
    metricsEvery: 40,
    sampleEvery: 1000,
    ...small,
  };
  const body = JSON.stringify({ preset: 'quick', seed: 6, config });
  const posted = await fetch(`${service.url}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const path = posted.headers.get('location')!;
  const iterationsSoFar = async () => {
    const { progress } = await json(await fetch(`${service.url}${path}`));
    return progress.iteration;
  };
  while ((await iterationsSoFar()) < 5) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await service.stop(), 0);

  service = await startServiceIn(ownFolder);
  try {
    const events = await follow(`${service.url}${path}/events`);
    const states = events.filter(({ type }) => type === 'state').map(({ data }) => data.state);
    assert.deepEqual(states, ['queued', 'running', 'queued', 'running', 'succeeded']);
    assert.deepEqual(
      events.filter(({ type }) => type === 'metrics').map(({ data }) => data.iteration),
      [40, 80, 120, 160, 200],
    );
  } finally {
    await service.stop();
  }
});
