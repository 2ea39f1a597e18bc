import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fromBase64, StylographClient, type StylographProblem, toBase64 } from '../../src/client/index.ts';
import { publishModel, startServer, type TestServer, TINY } from '../api/test-server.ts';
import { errorAnswer, startFaultyProxy } from './faulty-proxy.ts';

let server: TestServer;
let client: StylographClient;
before(async () => {
  server = await startServer();
  await publishModel(server.models);
  client = new StylographClient({ url: server.url });
});
after(() => server.close());

const withCode =
  (code: string, status?: number) =>
  (error: StylographProblem): boolean =>
    error.name === 'StylographProblem' && error.code === code && error.status === status;

test('images in every accepted form give the same latent, which decodes to an image', async () => {
  const { images } = await client.generate({ label: '3', seed: 7 });
  const png = await client.generatePng({ label: '3', seed: 7 });
  assert.deepEqual(Buffer.from(fromBase64(images[0]!.png)), Buffer.from(png.bytes));
  assert.deepEqual([png.mediaType, png.seed], ['image/png', 7]);
  assert.equal(png.modelId, (await client.models.get('latest')).id);

  const forms = [png.bytes, new Blob([png.bytes]), png.bytes.buffer, toBase64(png.bytes)];
  const { latents } = await client.encode(forms, { labels: [3, 3, 3, 3], model: png.modelId });
  for (const latent of latents) assert.deepEqual(latent, latents[0]);
  const { mean } = latents[0]!;
  const decoded = await client.decode([{ latent: mean, label: 5 }]);
  const { results } = await client.styleTransfer([png.bytes], { labels: [3], targets: [5] });
  assert.equal(results[0]!.images[0]!.label, '5');
  assert.deepEqual(decoded.images[0]!.label, '5');
  assert.equal((await client.styleTransferPng([png.bytes], { scale: 2 })).mediaType, 'image/png');
});

test('an error answer becomes a problem with its code, status and wrong fields', async () => {
  await assert.rejects(client.generate({ label: '12' }), withCode('invalid_label', 422));
  await assert.rejects(client.runs.get('run_nope'), withCode('run_not_found', 404));
  await assert.rejects(
    client.runs.create({ config: { batchSize: 1 } }),
    (error: StylographProblem) => error.errors?.[0]?.path === 'body.config.batchSize',
  );
  const nobody = new StylographClient({ url: 'http://127.0.0.1:9', retries: 0 });
  await assert.rejects(nobody.presets(), withCode('unreachable'));
});

test('a call to a busy server is retried, and onRetry is called', async (t) => {
  const busy = [errorAnswer(503, 'model_loading', 0), errorAnswer(429, 'queue_full', 0)];
  const proxy = await startFaultyProxy(t, server.url, (_, count) => busy[count - 1]);
  const codes: string[] = [];
  const patient = new StylographClient({ url: proxy.url, onRetry: ({ code }) => codes.push(code) });
  await patient.generatePng({ label: '1', seed: 1 });
  assert.deepEqual(codes, ['model_loading', 'queue_full']);
  assert.equal(proxy.requests.length, 3);
});

test('a call fails after its retries, and at once when the server asks for more than a minute', async (t) => {
  const proxy = await startFaultyProxy(t, server.url, ({ url }) =>
    errorAnswer(429, 'queue_full', url === '/presets' ? 3600 : 0),
  );
  const given = new StylographClient({ url: proxy.url, retries: 2 });
  await assert.rejects(given.models.list(), withCode('queue_full', 429));
  assert.equal(proxy.requests.length, 3);
  await assert.rejects(given.presets(), (error: StylographProblem) => error.retryAfterMs === 3_600_000);
  assert.equal(proxy.requests.length, 4);
});

test('a run whose answer was lost is created once, by its idempotency key', async (t) => {
  const proxy = await startFaultyProxy(t, server.url, (_, count) => (count === 1 ? 'hang up' : undefined));
  const careful = new StylographClient({ url: proxy.url });
  const run = await careful.runs.create({ config: { networks: TINY } });
  const keys = proxy.headers.map((headers) => headers['idempotency-key']);
  assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
  assert.deepEqual(keys, [keys[0], keys[0]]);
  const again = await client.runs.create({ config: { networks: TINY } }, { idempotencyKey: String(keys[0]) });
  assert.equal(again.id, run.id);
  await client.runs.cancel(run.id);
});

test('a call that is not idempotent is not retried when its answer is lost', async (t) => {
  const proxy = await startFaultyProxy(t, server.url, () => 'hang up');
  const careful = new StylographClient({ url: proxy.url });
  await assert.rejects(careful.runs.pause('run_01JD9YQ7M2T4V6X8Z0B2D4F6H8'), withCode('unreachable'));
  assert.equal(proxy.requests.length, 1);
});

test('an abort ends a call, and a pause between attempts, with its reason', async (t) => {
  const proxy = await startFaultyProxy(t, server.url, () => errorAnswer(503, 'model_loading', 30));
  const patient = new StylographClient({ url: proxy.url });
  const stop = new AbortController();
  const call = patient.generate({ label: '1', signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 50);
  await assert.rejects(call, /enough/);
  await assert.rejects(client.presets({ signal: AbortSignal.abort(new Error('before')) }), /before/);
});

test('events arrive once and in order over broken connections', async (t) => {
  const { run } = await server.runs.create({
    name: 'followed',
    preset: 'quick',
    dataset: 'mnist',
    seed: 1,
    config: (await client.presets()).items.find(({ name }) => name === 'quick')!.config,
    tags: [],
  });
  const fence = (await server.runs.take({ runId: run.id, number: 1 }))!;
  const append = (iteration: number) =>
    server.events.append(run.id, fence, { type: 'metrics', data: { iteration, ganLoss: 1 } });
  // Every third connection is refused; the others are cut after 300 ms.
  const proxy = await startFaultyProxy(t, server.url, (request, count) => {
    if (count % 3 === 2) return errorAnswer(503, 'redis_unavailable', 0);
    setTimeout(() => request.socket.destroy(), 300);
    return undefined;
  });
  const lost: unknown[] = [];
  const appending = (async () => {
    for (let iteration = 10; iteration <= 80; iteration += 10) {
      await append(iteration);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await server.runs.settle(run.id, fence, 'failed');
  })();
  const follower = new StylographClient({ url: proxy.url });
  const iterations: number[] = [];
  const types: string[] = [];
  for await (const event of follower.runs.follow(run.id, { onLost: (reason) => lost.push(reason) })) {
    types.push(event.type);
    if (event.type === 'metrics') iterations.push(event.data.iteration);
  }
  await appending;
  assert.deepEqual(iterations, [10, 20, 30, 40, 50, 60, 70, 80]);
  assert.equal(types.at(-1), 'end');
  assert.ok(lost.length >= 2, `${lost.length} connections were lost`);
  assert.ok(proxy.headers.some((headers) => /^\d+-\d+$/.test(String(headers['last-event-id']))));

  const events: string[] = [];
  for await (const { type } of client.runs.follow(run.id, { after: '1-1' })) events.push(type);
  assert.deepEqual(events, ['reset', 'end']);
  const ended = (await client.runs.events(run.id, { limit: 200 })).items.at(-1)!;
  for await (const event of client.runs.follow(run.id, { after: ended.id })) assert.fail(event.type);
  await assert.rejects(client.runs.follow('run_nope').next(), withCode('run_not_found', 404));
});

test('wake ends the pause after a lost connection', async (t) => {
  const proxy = await startFaultyProxy(t, server.url, (_, count) => (count === 1 ? 'hang up' : undefined));
  const follower = new StylographClient({ url: proxy.url });
  let pauseSignal: AbortSignal | undefined;
  let pauseMs = 0;
  const events = follower.runs.follow('run_nope', {
    onLost: (_, ms) => {
      pauseMs = ms;
    },
    wake: async (signal) => {
      pauseSignal = signal;
    },
  });
  // The second connection reaches the server, which refuses an unknown run.
  await assert.rejects(events.next(), withCode('run_not_found', 404));
  assert.ok(pauseMs >= 200);
  assert.equal(pauseSignal?.aborted, true);
  assert.equal(proxy.requests.length, 2);
});

test('the key may be a function, which is called for every request', async (t) => {
  const proxy = await startFaultyProxy(t, server.url, () => undefined);
  const keys = ['first', 'second'];
  const rotating = new StylographClient({ url: proxy.url, apiKey: () => keys.shift() });
  for (let i = 0; i < 3; i++) await rotating.presets();
  assert.deepEqual(
    proxy.headers.map(({ authorization }) => authorization),
    ['Bearer first', 'Bearer second', undefined],
  );
});

test('several labels are generated in one call, and a figure is downloaded by its address', async () => {
  const { images } = await client.generateMany([
    { label: 3, seed: 7 },
    { label: 4, seed: 7 },
  ]);
  assert.deepEqual(
    images.map(({ label }) => label),
    ['3', '4'],
  );
  const picture = await client.download('/generate?label=3&seed=7');
  assert.equal(picture.mediaType, 'image/png');
  assert.equal(toBase64(picture.bytes), images[0]!.png);
});
