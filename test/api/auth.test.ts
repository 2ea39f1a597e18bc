import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { newModelId } from '../../src/contracts/common.ts';
import { assertProblem, startServer, type TestServer } from './support.ts';

const HASHED = createHash('sha256').update('kept-as-a-digest').digest('hex');
let server: TestServer;
before(async () => {
  server = await startServer({
    apiKeys: [
      'opens-everything',
      'infer:only-inference',
      'infer+train:both-of-them',
      `train:sha256=${HASHED}`,
    ],
  });
});
after(() => server.close());

const call = (method: 'get' | 'post' | 'delete', path: string, key?: string) => {
  const made = request(server.url)[method](path);
  return key === undefined ? made : made.set('authorization', `Bearer ${key}`);
};

test('without a valid key nothing but health and documentation answers', async () => {
  const missing = await call('get', '/runs');
  assertProblem(missing, 401, 'unauthorized');
  assert.match(missing.headers['www-authenticate']!, /^Bearer/);
  for (const key of ['wrong', 'opens-everything2', 'infer:only-inference', HASHED, '']) {
    assertProblem(await call('get', '/runs', key), 401, 'unauthorized');
  }
  const basic = await request(server.url).get('/runs').set('authorization', 'Basic opens-everything');
  assertProblem(basic, 401, 'unauthorized');
  for (const path of ['/', '/health/live', '/health/ready', '/openapi.json', '/docs']) {
    await call('get', path).expect(200);
  }
});

test('every key reads, and does what its scopes allow', async () => {
  for (const key of ['opens-everything', 'only-inference', 'both-of-them', 'kept-as-a-digest']) {
    await call('get', '/runs', key).expect(200);
  }
  assertProblem(await call('get', '/generate?label=3', 'only-inference'), 404, 'no_model');
  assertProblem(await call('get', '/generate?label=3', 'kept-as-a-digest'), 403, 'forbidden');
  assertProblem(await call('post', '/runs', 'only-inference'), 403, 'forbidden');
  for (const key of ['both-of-them', 'kept-as-a-digest', 'opens-everything'])
    await call('post', '/runs', key).expect(202);
  assertProblem(await call('delete', `/models/${newModelId()}`, 'both-of-them'), 403, 'forbidden');
  assertProblem(await call('delete', `/models/${newModelId()}`, 'opens-everything'), 404, 'model_not_found');
});
