import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { newRunId } from '../../src/core/contracts/common.ts';
import type { Figure } from '../../src/core/contracts/figures.ts';
import { StylographError } from '../../src/core/errors.ts';
import { saveFigure } from '../../src/store/run-files.ts';
import { assertProblem, publishModel, startServer, type TestServer, TINY } from './test-server.ts';

let server: TestServer;
const api = () => request(server.url);
before(async () => {
  server = await startServer();
});
after(() => server.close());

/** Acts as the worker and takes the run's first job. @returns the fencing token */
async function begin(runId: string): Promise<number> {
  const fence = await server.runs.take({ runId, number: 1 });
  assert.ok(fence !== undefined);
  return fence;
}

const finish = async (runId: string) => {
  const fence = await begin(runId);
  await server.runs.settle(runId, fence, 'failed', { error: { code: 'diverged', message: 'test' } });
};

test('a run without a body gets every default and can be fetched', async () => {
  const { body, headers } = await api().post('/runs').expect(202);
  assert.equal(headers.location, `/runs/${body.id}`);
  assert.match(body.id, /^run_[0-9A-Z]{26}$/);
  assert.deepEqual([body.state, body.preset, body.dataset], ['queued', 'modern', 'mnist']);
  assert.deepEqual(body.progress, {
    phase: 'loading',
    iteration: 0,
    iterations: body.config.iterations,
    secondsElapsed: 0,
    secondsRemaining: null,
    imagesPerSecond: 0,
  });
  assert.ok(Number.isInteger(body.seed));
  assert.deepEqual((await api().get(headers.location!).expect(200)).body, body);
  for (const link of Object.values(body.links as Record<string, string>)) await api().get(link).expect(200);
});

test('overrides replace values of the preset, also parts of groups', async () => {
  const config = { iterations: 5, learningRates: { encoder: 0.5 } };
  const given = { name: 'mine', preset: 'article', seed: 3, tags: ['a'], config };
  const { body } = await api().post('/runs').send(given).expect(202);
  assert.deepEqual([body.name, body.seed, body.tags, body.config.iterations], ['mine', 3, ['a'], 5]);
  assert.deepEqual(body.config.learningRates, { encoder: 0.5, decoder: 3e-4, discriminator: 1e-3 });
  assert.equal(body.config.batchSize, 64);
});

test('a dry run resolves and estimates without enqueueing', async () => {
  const count = async () => (await api().get('/runs?limit=200')).body.items.length;
  const before = await count();
  const given = { seed: 3, config: { iterations: 400, networks: TINY } };
  const unknown = await api().post('/runs?dryRun=true').send(given).expect(200);
  assert.equal(unknown.body.config.iterations, 400);
  assert.equal(unknown.body.estimate.seconds, null);
  assert.match(unknown.body.estimate.reason, /timed/);
  assert.equal(await count(), before);

  const { body: timed } = await api().post('/runs').send(given);
  const fence = await begin(timed.id);
  const progress = { ...timed.progress, phase: 'training', iteration: 100, secondsElapsed: 25 };
  await server.events.append(timed.id, fence, { type: 'progress', data: progress });
  const measured = await api().post('/runs?dryRun=true').send(given).expect(200);
  assert.deepEqual([measured.body.estimate.seconds, measured.body.estimate.measuredOn], [100, timed.id]);
});

test('a dry run counts the weights of a checkpoint and the activations of a batch', async () => {
  const estimate = async (config: object) => {
    const given = { preset: 'article', config };
    const { body } = await api().post('/runs?dryRun=true').send(given).expect(200);
    return body.estimate as { memoryBytes: number; checkpointBytes: number };
  };
  const article = await estimate({});
  // 221,264 weights of the encoder, 343,297 of the decoder, 96,209 of the discriminator; a mean square for each.
  assert.equal(article.checkpointBytes, 4 * 2 * 660_770);
  // Per image 9,488 activations of the encoder, 2 × 25,872 of the decoder, 3 × 30,465 of the discriminator, and their gradients.
  const larger = await estimate({ batchSize: 128 });
  assert.equal((larger.memoryBytes - article.memoryBytes) / 64, 4 * 2 * 152_627);
  // The plain CVAE has no discriminator.
  const cvae = await estimate({ objective: 'cvae' });
  assert.equal(cvae.checkpointBytes, 4 * 2 * (221_264 + 343_297));
});

test('an idempotency key starts one run however often it is sent', async () => {
  const send = (body: object, key = 'key-1') => api().post('/runs').set('idempotency-key', key).send(body);
  const first = await send({ name: 'once', preset: 'quick' }).expect(202);
  const again = await send({ preset: 'quick', name: 'once' }).expect(202);
  assert.equal(again.body.id, first.body.id);
  assert.equal(again.headers['idempotency-replayed'], 'true');
  assertProblem(await send({ name: 'other' }), 409, 'idempotency_conflict');
  assert.notEqual((await send({ name: 'once' }, 'key-2').expect(202)).body.id, first.body.id);
  assertProblem(await send({}, 'x'.repeat(256)), 400, 'validation_failed');
});

test('a run whose dataset or start model does not fit is refused', async () => {
  const send = (body: object) => api().post('/runs?dryRun=true').send(body);
  assertProblem(await send({ dataset: 'nothing' }), 404, 'dataset_not_found');
  assertProblem(await send({ preset: 'huge' }), 400, 'validation_failed');
  assertProblem(await send({ from: 'latest' }), 422, 'no_seed_model');
  const model = await publishModel(server.models, { latentDim: 4 });
  const misfit = assertProblem(await send({ from: 'latest' }), 422, 'no_seed_model');
  assert.match(misfit.detail, /latentDim is 4 there and \d+ here; networks/);
  const fits = { from: 'latest', config: { latentDim: 4, networks: TINY, batchNorm: false } };
  assert.equal((await send(fits).expect(200)).body.from, model.id);
});

test('runs are listed newest first, page by page', async () => {
  const all = (await api().get('/runs?limit=200').expect(200)).body;
  const ids = all.items.map(({ id }: { id: string }) => id);
  assert.deepEqual(ids, [...ids].sort().reverse());
  assert.equal(all.nextCursor, null);
  const seen: string[] = [];
  for (let cursor = ''; ; ) {
    const { body } = await api()
      .get(`/runs?limit=2${cursor && `&cursor=${cursor}`}`)
      .expect(200);
    seen.push(...body.items.map(({ id }: { id: string }) => id));
    if (body.nextCursor === null) break;
    cursor = body.nextCursor;
  }
  assert.deepEqual(seen, ids);
});

test('cancel, pause and resume are accepted only in states that allow them', async () => {
  const { body: run } = await api().post('/runs');
  const ask = (kind: string) => api().post(`/runs/${run.id}/${kind}`);
  assertProblem(await ask('pause'), 409, 'invalid_state');
  assertProblem(await ask('resume'), 409, 'invalid_state');
  assertProblem(await api().delete(`/runs/${run.id}`), 409, 'invalid_state');
  const fence = await begin(run.id);
  assert.equal((await ask('pause').expect(202)).body.state, 'pausing');
  await server.runs.settle(run.id, fence, 'stopped');
  assert.equal((await ask('resume').expect(202)).body.state, 'queued');
  const cancelled = await ask('cancel').expect(202);
  assert.equal(cancelled.body.state, 'cancelled');
  assert.ok(cancelled.body.finishedAt);
  assertProblem(await ask('cancel'), 409, 'invalid_state');
});

test('deleting a finished run deletes its files', async () => {
  const { body: run } = await api().post('/runs');
  await saveFigure(server.store, run.id, 'labels-000000010.png', Buffer.from('png'));
  await finish(run.id);
  await api().delete(`/runs/${run.id}`).expect(204);
  assertProblem(await api().get(`/runs/${run.id}`), 404, 'run_not_found');
  assertProblem(await api().get(`/runs/${run.id}/events`), 404, 'run_not_found');
  assertProblem(await api().delete(`/runs/${run.id}`), 404, 'run_not_found');
  assert.equal(await server.store.exists(`runs/${run.id}`), false);
});

test('a deletion that the store interrupts is completed by the next one', async (t) => {
  const { body: run } = await api().post('/runs');
  await saveFigure(server.store, run.id, 'labels-000000010.png', Buffer.from('png'));
  await finish(run.id);
  const away = new StylographError('store_unavailable', 'The store does not answer.');
  t.mock.method(server.store, 'remove').mock.mockImplementationOnce(() => Promise.reject(away));
  assertProblem(await api().delete(`/runs/${run.id}`), 503, 'store_unavailable');
  await api().delete(`/runs/${run.id}`).expect(204);
  assertProblem(await api().get(`/runs/${run.id}`), 404, 'run_not_found');
  assert.equal(await server.store.exists(`runs/${run.id}`), false);
});

test('every call on an unknown run is answered with run_not_found', async () => {
  for (const id of [newRunId(), 'run_1', 'x:y']) {
    for (const path of ['', '/events', '/metrics', '/checkpoints', '/figures', '/figures/a.png']) {
      assertProblem(await api().get(`/runs/${id}${path}`), 404, 'run_not_found');
    }
    assertProblem(await api().post(`/runs/${id}/cancel`), 404, 'run_not_found');
  }
});

test('metrics are returned as series or CSV, filtered and thinned', async () => {
  const { body: run } = await api().post('/runs');
  const fence = await begin(run.id);
  for (let i = 1; i <= 10; i++) {
    const data = { iteration: i * 10, ganLoss: i / 2, priorLoss: i === 3 ? null : i };
    await server.events.append(run.id, fence, { type: 'metrics', data });
  }
  const get = (query: string) => api().get(`/runs/${run.id}/metrics${query}`);
  const { series } = (await get('').expect(200)).body;
  assert.deepEqual(Object.keys(series), ['ganLoss', 'priorLoss']);
  assert.deepEqual(
    [series.ganLoss.length, series.ganLoss[2], series.priorLoss[2]],
    [10, [30, 1.5], [30, null]],
  );
  const part = (await get('?names=ganLoss&from=20&to=90&maxPoints=3').expect(200)).body.series;
  assert.deepEqual([Object.keys(part), part.ganLoss.length], [['ganLoss'], 3]);
  assert.deepEqual([part.ganLoss[0][0], part.ganLoss[2][0]], [20, 90]);
  const csv = await get('?from=20&to=30')
    .set('accept', 'text/csv')
    .expect('content-type', /^text\/csv/);
  assert.equal(csv.text, 'iteration,ganLoss,priorLoss\r\n20,1,2\r\n30,1.5,\r\n');
  assertProblem(await get('?from=9&to=2'), 400, 'validation_failed');
  assertProblem(await get('?maxPoints=0'), 400, 'validation_failed');
  assertProblem(await get('?names='), 400, 'validation_failed');
  assert.deepEqual((await api().get(`/runs/${run.id}`)).body.metrics.ganLoss, 5);
});

test('figures are listed and served with an ETag', async () => {
  const { body: run } = await api().post('/runs');
  const bytes = Buffer.from([1, 2, 3]);
  for (const file of [
    'manifold-3-000000020.png',
    'manifold-3-000000010.png',
    'manifold-3.png',
    'manifold-3@2x.png',
    'style-transfer-7.png',
    'scatter.svg',
    'notes.txt',
  ]) {
    await saveFigure(server.store, run.id, file, bytes);
  }
  const { body } = await api().get(`/runs/${run.id}/figures?limit=2`).expect(200);
  assert.deepEqual(body.items[1], {
    file: 'manifold-3-000000020.png',
    kind: 'manifold',
    label: 3,
    iteration: 20,
    scale: 1,
    mediaType: 'image/png',
    href: `/runs/${run.id}/figures/manifold-3-000000020.png`,
  });
  const rest = await api().get(`/runs/${run.id}/figures?cursor=${body.nextCursor}`);
  assert.deepEqual(
    rest.body.items.map((item: Figure) => [
      item.kind,
      item.label,
      item.iteration,
      item.scale,
      item.mediaType,
    ]),
    [
      ['manifold', 3, null, 1, 'image/png'],
      ['manifold', 3, null, 2, 'image/png'],
      ['scatter', null, null, 1, 'image/svg+xml'],
      ['style-transfer', 7, null, 1, 'image/png'],
    ],
  );
  for (const { href, mediaType } of rest.body.items) {
    await api().get(href).expect(200).expect('content-type', mediaType);
  }
  const figure = await api().get(body.items[0].href).expect(200).expect('content-type', 'image/png');
  assert.deepEqual(figure.body, bytes);
  await api().get(body.items[0].href).set('if-none-match', figure.headers.etag!).expect(304);
  for (const file of ['missing.png', 'notes.txt', '..%2Fmodel.json', '.hidden']) {
    assertProblem(await api().get(`/runs/${run.id}/figures/${file}`), 404, 'figure_not_found');
  }
});

test('presets are listed with their configurations', async () => {
  const { body } = await api().get('/presets').expect(200);
  assert.ok(body.items.length >= 3);
  for (const { name, description, config } of body.items) {
    assert.ok(name && description && config.iterations > 0);
  }
});
