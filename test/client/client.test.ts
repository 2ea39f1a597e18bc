import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fromBase64, StylographClient, type StylographProblem, toBase64 } from '../../src/client/index.ts';
import { publishModel, startServer, type TestServer, TINY } from '../api/support.ts';
import { faultyRoad, refusal } from './support.ts';

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

test('pictures, latents and styles go there and back', async () => {
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

test('an answer that is an error has its code, its status and the place in the request', async () => {
  await assert.rejects(client.generate({ label: '12' }), withCode('invalid_label', 422));
  await assert.rejects(client.runs.get('run_nope'), withCode('run_not_found', 404));
  await assert.rejects(
    client.runs.create({ config: { batchSize: 1 } }),
    (error: StylographProblem) => error.errors?.[0]?.path === 'body.config.batchSize',
  );
  const nobody = new StylographClient({ url: 'http://127.0.0.1:9', retries: 0 });
  await assert.rejects(nobody.presets(), withCode('unreachable'));
});

test('a server that is busy is asked again after the time it names, and the caller is told', async (t) => {
  const busy = [refusal(503, 'model_loading', 0), refusal(429, 'queue_full', 0)];
  const road = await faultyRoad(t, server.url, (_, count) => busy[count - 1]);
  const told: string[] = [];
  const patient = new StylographClient({ url: road.url, onRetry: ({ code }) => told.push(code) });
  await patient.generatePng({ label: '1', seed: 1 });
  assert.deepEqual(told, ['model_loading', 'queue_full']);
  assert.equal(road.seen.length, 3);
});

test('attempts end, and a pause longer than a minute is left to the caller', async (t) => {
  const road = await faultyRoad(t, server.url, ({ url }) =>
    refusal(429, 'queue_full', url === '/presets' ? 3600 : 0),
  );
  const given = new StylographClient({ url: road.url, retries: 2 });
  await assert.rejects(given.models.list(), withCode('queue_full', 429));
  assert.equal(road.seen.length, 3);
  await assert.rejects(given.presets(), (error: StylographProblem) => error.retryAfterMs === 3_600_000);
  assert.equal(road.seen.length, 4);
});

test('a run is created once though its answer was lost, by one key', async (t) => {
  const road = await faultyRoad(t, server.url, (_, count) => (count === 1 ? 'hang up' : undefined));
  const careful = new StylographClient({ url: road.url });
  const run = await careful.runs.create({ config: { networks: TINY } });
  const keys = road.headers.map((headers) => headers['idempotency-key']);
  assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
  assert.deepEqual(keys, [keys[0], keys[0]]);
  const again = await client.runs.create({ config: { networks: TINY } }, { idempotencyKey: String(keys[0]) });
  assert.equal(again.id, run.id);
  await client.runs.cancel(run.id);
});

test('what would be done twice is not repeated when its answer is lost', async (t) => {
  const road = await faultyRoad(t, server.url, () => 'hang up');
  const careful = new StylographClient({ url: road.url });
  await assert.rejects(careful.runs.pause('run_01JD9YQ7M2T4V6X8Z0B2D4F6H8'), withCode('unreachable'));
  assert.equal(road.seen.length, 1);
});

test('an abort ends a call and the pause between two attempts, with the reason given', async (t) => {
  const road = await faultyRoad(t, server.url, () => refusal(503, 'model_loading', 30));
  const patient = new StylographClient({ url: road.url });
  const stop = new AbortController();
  const call = patient.generate({ label: '1', signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 50);
  await assert.rejects(call, /enough/);
  await assert.rejects(client.presets({ signal: AbortSignal.abort(new Error('before')) }), /before/);
});

test('events are followed over connections that break, each once and in order', async (t) => {
  const { run } = await server.runs.create({
    name: 'told',
    preset: 'quick',
    dataset: 'mnist',
    seed: 1,
    config: (await client.presets()).items.find(({ name }) => name === 'quick')!.config,
    tags: [],
  });
  const fence = (await server.runs.take({ runId: run.id, number: 1 }))!;
  const tell = (iteration: number) =>
    server.events.append(run.id, fence, { type: 'metrics', data: { iteration, ganLoss: 1 } });
  // Every third connection is refused, and each that is let through is cut after a moment.
  const road = await faultyRoad(t, server.url, (request, count) => {
    if (count % 3 === 2) return refusal(503, 'redis_unavailable', 0);
    setTimeout(() => request.socket.destroy(), 300);
    return undefined;
  });
  const lost: unknown[] = [];
  const telling = (async () => {
    for (let iteration = 10; iteration <= 80; iteration += 10) {
      await tell(iteration);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await server.runs.settle(run.id, fence, 'failed');
  })();
  const follower = new StylographClient({ url: road.url });
  const iterations: number[] = [];
  const types: string[] = [];
  for await (const event of follower.runs.follow(run.id, { onLost: (reason) => lost.push(reason) })) {
    types.push(event.type);
    if (event.type === 'metrics') iterations.push(event.data.iteration);
  }
  await telling;
  assert.deepEqual(iterations, [10, 20, 30, 40, 50, 60, 70, 80]);
  assert.equal(types.at(-1), 'end');
  assert.ok(lost.length >= 2, `${lost.length} connections were lost`);
  assert.ok(road.headers.some((headers) => /^\d+-\d+$/.test(String(headers['last-event-id']))));

  const events: string[] = [];
  for await (const { type } of client.runs.follow(run.id, { after: '1-1' })) events.push(type);
  assert.deepEqual(events, ['reset', 'end']);
  const ended = (await client.runs.events(run.id, { limit: 200 })).items.at(-1)!;
  for await (const event of client.runs.follow(run.id, { after: ended.id })) assert.fail(event.type);
  await assert.rejects(client.runs.follow('run_nope').next(), withCode('run_not_found', 404));
});
