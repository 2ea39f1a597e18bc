import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import type { TrainingConfig } from '../../src/core/contracts/config.ts';
import type { ModelRecord } from '../../src/core/contracts/model.ts';
import { until } from '../runs/support.ts';
import { publishModel, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server.close());

const CLIENTS = 16;

/** Clients that send the next request after each answer, until they are stopped or the test ends, and their answers in order. */
function startClients(
  t: TestContext,
  url: string,
): { answers: string[]; failures: string[]; stop(): Promise<void> } {
  const answers: string[] = [];
  const failures: string[] = [];
  let stopped = false;
  const ask = async (): Promise<void> => {
    while (!stopped) {
      try {
        const answer = await fetch(url);
        const bytes = (await answer.arrayBuffer()).byteLength;
        if (answer.status === 200 && bytes > 0) answers.push(answer.headers.get('x-model-id')!);
        else failures.push(`${answer.status}, ${bytes} bytes`);
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const clients = Array.from({ length: CLIENTS }, ask);
  const stop = async (): Promise<void> => {
    stopped = true;
    await Promise.all(clients);
  };
  t.after(stop);
  return { answers, failures, stop };
}

test('models published under load replace one another, and no request fails', async (t) => {
  const first = await publishModel(server.models, { seed: 1 });
  await server.inference.ensure(first);
  const clients = startClients(t, `${server.url}/generate?label=3`);
  const since = (model: ModelRecord): number => clients.answers.filter((id) => id === model.id).length;
  await until('answers of the first', async () => since(first) > 50);

  const published: ModelRecord[] = [first];
  // More models than fit in the inference process, so that it unloads the oldest.
  for (let seed = 2; seed <= 5; seed++) {
    const next = await publishModel(server.models, { seed });
    published.push(next);
    await until('answers of the next', async () => since(next) > 50);
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 200);
  }
  await clients.stop();

  assert.deepEqual(clients.failures, []);
  const order = published.map(({ id }) => id);
  assert.deepEqual([...new Set(clients.answers)], order);
  assert.equal(clients.answers.at(-1), order.at(-1));
});

test('when a new model cannot be loaded, the old one keeps answering', async (t) => {
  const before = (await fetch(`${server.url}/generate?label=3`)).headers.get('x-model-id');
  const damaged = await publishModel(server.models, { seed: 6 });
  await server.store.write(`models/${damaged.id}`, {
    'model.json': Buffer.from(JSON.stringify(damaged)),
    'weights.safetensors': Buffer.from('not weights'),
  });
  const clients = startClients(t, `${server.url}/generate?label=3`);
  await until('more answers', async () => clients.answers.length > 200);
  await clients.stop();
  assert.deepEqual(clients.failures, []);
  assert.deepEqual([...new Set(clients.answers)], [before]);
});

test('a moved alias answers with its new model at once', async () => {
  const { items } = (await (await fetch(`${server.url}/models`)).json()) as { items: { id: string }[] };
  for (const { id } of items.slice(1, 3)) {
    const moved = await fetch(`${server.url}/models/aliases/mine`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ modelId: id }),
    });
    assert.equal(moved.status, 200);
    const answer = await fetch(`${server.url}/generate?label=3&model=mine`);
    assert.equal(answer.headers.get('x-model-id'), id);
  }
});

/** Networks of about six megabytes each, large enough to reveal a leak. */
const MEGABYTES: TrainingConfig['networks'] = {
  encoder: [16, 64, 384],
  decoder: [32, 16, 16],
  discriminator: [4, 4, 4],
};

/** Resident megabytes of a process. */
const residentMb = (pid: number): number =>
  (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 1e6;

test('fifty swaps of an alias under load fail no request, and the inference process does not grow', {
  timeout: 600_000,
}, async (t) => {
  const models: ModelRecord[] = [];
  // More models than fit in the inference process: every swap loads one and unloads one.
  for (let seed = 11; seed <= 15; seed++) {
    models.push(await publishModel(server.models, { seed, networks: MEGABYTES }));
  }
  const point = async ({ id }: ModelRecord): Promise<void> => {
    const moved = await fetch(`${server.url}/models/aliases/swapped`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ modelId: id }),
    });
    assert.equal(moved.status, 200);
  };
  await point(models[0]!);
  const clients = startClients(t, `${server.url}/generate?label=3&model=swapped`);
  const sizes: number[] = [];
  for (let swap = 1; swap <= 50; swap++) {
    const model = models[swap % models.length]!;
    await point(model);
    await until('the swap', async () => clients.answers.at(-1) === model.id);
    sizes.push(residentMb(server.inference.pid!));
  }
  await clients.stop();
  assert.deepEqual(clients.failures, []);
  assert.deepEqual(new Set(clients.answers), new Set(models.map(({ id }) => id)));
  const [early, late] = [Math.max(...sizes.slice(10, 20)), Math.max(...sizes.slice(40))];
  // If thirty swaps each leaked a model, the growth would be three times as large.
  assert.ok(late - early < 60, `from ${early} to ${late} MB`);
});
