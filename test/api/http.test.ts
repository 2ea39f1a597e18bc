import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request as rawRequest } from 'node:http';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { newRunId } from '../../src/core/contracts/common.ts';
import { assertProblem, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
before(async () => {
  server = await startServer({ limits: { bodyBytes: 20_000 } });
});
after(() => server.close());
const api = () => request(server.url);

test('the index links to existing calls', async () => {
  const { body } = await api().get('/').expect(200);
  for (const path of [
    body.links.docs,
    body.links.openapi,
    body.links.runs,
    body.links.presets,
    body.links.datasets,
  ]) {
    await api().get(path).expect(200);
  }
});

test('an unknown path is answered with 404, an unsupported method with 405 and the allowed methods', async () => {
  assertProblem(await api().get('/nothing-here'), 404, 'not_found');
  const put = await api().put('/runs');
  assertProblem(put, 405, 'method_not_allowed');
  assert.deepEqual(put.headers.allow!.split(', ').sort(), ['GET', 'HEAD', 'OPTIONS', 'POST']);
  const patch = await api().patch(`/runs/${newRunId()}/cancel`);
  assertProblem(patch, 405, 'method_not_allowed');
  assert.equal(patch.headers.allow, 'POST, OPTIONS');
  const get = await api().get('/models/aliases/best');
  assertProblem(get, 405, 'method_not_allowed');
  const options = await api().options('/runs').expect(204);
  assert.equal(options.headers.allow, 'GET, HEAD, POST, OPTIONS');
});

test('HEAD answers like GET without a body', async () => {
  const { headers, text } = await api().head('/presets').expect(200);
  assert.match(headers['content-type']!, /^application\/json/);
  assert.ok(!text);
});

test('malformed, oversized and unsupported bodies each get their own error', async () => {
  const post = (type: string, body: string) => api().post('/runs').set('content-type', type).send(body);
  assertProblem(await post('application/json', '{"preset":'), 400, 'malformed_json');
  assertProblem(await post('application/json', ''), 400, 'malformed_json');
  assertProblem(await post('text/plain', 'hello'), 415, 'unsupported_media_type');
  assertProblem(await post('image/png', 'hello'), 415, 'unsupported_media_type');
  assertProblem(
    await post('application/json', JSON.stringify({ name: 'x'.repeat(30_000) })),
    413,
    'body_too_large',
  );
});

test('an unsupported Accept header is refused before any work', async () => {
  const refused = assertProblem(await api().get('/runs').set('accept', 'image/png'), 406, 'not_acceptable');
  assert.match(refused.detail, /application\/json/);
  await api().get('/runs').set('accept', 'text/html, */*;q=0.1').expect(200);
});

test('every mistake of a request is listed, and no value is clamped', async () => {
  const list = await api().get('/runs?limit=0&cursor=zzz&sort=asc');
  const problem = assertProblem(list, 400, 'validation_failed');
  assert.deepEqual(problem.errors!.map(({ path }) => path).sort(), [
    'query.cursor',
    'query.limit',
    'query.sort',
  ]);
  for (const limit of ['', '201', '1.5', 'abc', '1e2', '0x10', '%201']) {
    assertProblem(await api().get(`/runs?limit=${limit}`), 400, 'validation_failed');
  }
  assertProblem(await api().get('/runs?limit=1&limit=2'), 400, 'validation_failed');
  const body = { preset: 'quick', sed: 1, config: { batchSize: 1, learningRates: { encoder: 2 }, foo: 1 } };
  const created = assertProblem(await api().post('/runs').send(body), 400, 'validation_failed');
  assert.deepEqual(created.errors!.map(({ path }) => path).sort(), [
    'body.config.batchSize',
    'body.config.foo',
    'body.config.learningRates.encoder',
    'body.sed',
  ]);
});

test('a path with invalid percent-encoding is refused', async () => {
  const { port } = new URL(server.url);
  const [status, text] = await new Promise<[number | undefined, string]>((resolve, reject) => {
    const call = rawRequest({ port, path: '/runs/%zz' }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve([response.statusCode, body]));
    });
    call.on('error', reject).end();
  });
  assert.equal(status, 400);
  assert.equal(JSON.parse(text).code, 'validation_failed');
});

test('answers carry headers that prevent browsers from running them', async () => {
  const { headers } = await api().get('/');
  assert.match(headers['content-security-policy']!, /default-src 'none'/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  const docs = await api().get('/docs').expect(200);
  assert.match(docs.headers['content-security-policy']!, /script-src 'self'/);
  assert.doesNotMatch(docs.headers['content-security-policy']!, /upgrade-insecure-requests/);
});

test('the OpenAPI document describes every call and equals the committed file', async () => {
  const { body } = await api().get('/openapi.json').expect(200);
  assert.equal(body.openapi, '3.1.1');
  const operations = Object.values(
    body.paths as Record<string, Record<string, { operationId: string }>>,
  ).flatMap((path) => Object.values(path));
  const ids = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => typeof id === 'string'));
  const kept = JSON.parse(await readFile(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'));
  assert.deepEqual(body.paths, kept.paths, 'run "npm run openapi"');
  assert.deepEqual(body.components, kept.components, 'run "npm run openapi"');
});

test('a server without a model is live and ready', async () => {
  await api().get('/health/live').expect(200);
  const { body } = await api().get('/health/ready').expect(200);
  assert.deepEqual({ ...body, device: null }, { status: 'ready', reasons: [], device: null, modelId: null });
  assert.match(body.device, /^[cg]pu$/);
});

test('datasets can be listed, described and viewed as a sheet', async () => {
  const { body } = await api().get('/datasets').expect(200);
  assert.deepEqual(body.items.map(({ id }: { id: string }) => id).includes('mnist'), true);
  const one = await api().get('/datasets/mnist').expect(200);
  assert.deepEqual([one.body.width, one.body.height, one.body.labels.length], [28, 28, 10]);
  assertProblem(await api().get('/datasets/nope'), 404, 'dataset_not_found');
  const sheet = await api().get('/datasets/mnist/sheet.png').expect(200).expect('content-type', 'image/png');
  await api().get('/datasets/mnist/sheet.png').set('if-none-match', sheet.headers.etag!).expect(304);
  assertProblem(await api().get('/datasets/nope/sheet.png'), 404, 'dataset_not_found');
});
