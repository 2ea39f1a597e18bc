import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { newModelId } from '../../src/core/contracts/common.ts';
import { type AuditEntry, createKey, KeyRing, revokeKey } from '../../src/platform/keys/index.ts';
import { assertProblem, startServer, type TestServer } from './test-server.ts';

const HASHED = createHash('sha256').update('kept-as-a-digest').digest('hex');
const folder = mkdtempSync(join(tmpdir(), 'stylograph-auth-'));
const file = join(folder, 'keys.json');
const audited: AuditEntry[] = [];
let server: TestServer;
before(async () => {
  const keys = await KeyRing.open({
    specs: ['opens-everything', 'infer:only-inference', 'infer+train:both-of-them', `train:sha256=${HASHED}`],
    file,
    freshMs: 0,
  });
  server = await startServer({
    keys,
    audit: (entry) => audited.push(entry),
    limits: { wrongKeysPerMinute: 20 },
  });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const call = (method: 'get' | 'post' | 'delete', path: string, key?: string) => {
  const made = request(server.url)[method](path);
  return key === undefined ? made : made.set('authorization', `Bearer ${key}`);
};

test('without a valid key only health checks and documentation are available', async () => {
  const missing = await call('get', '/runs');
  assertProblem(missing, 401, 'unauthorized');
  assert.equal(missing.headers['www-authenticate'], 'Bearer realm="stylograph"');
  for (const key of ['wrong', 'opens-everything2', 'infer:only-inference', HASHED]) {
    const wrong = await call('get', '/runs', key);
    assertProblem(wrong, 401, 'unauthorized');
    assert.match(wrong.headers['www-authenticate']!, /error="invalid_token"/);
  }
  assertProblem(await call('get', '/runs', ''), 401, 'unauthorized');
  const basic = await request(server.url).get('/runs').set('authorization', 'Basic opens-everything');
  assertProblem(basic, 401, 'unauthorized');
  assertProblem(
    await call('get', '/runs?key=opens-everything&api_key=opens-everything'),
    401,
    'unauthorized',
  );
  for (const path of ['/', '/health/live', '/health/ready', '/openapi.json', '/docs']) {
    await call('get', path).expect(200);
  }
});

test('every key may read; its scopes decide what else it may do', async () => {
  for (const key of ['opens-everything', 'only-inference', 'both-of-them', 'kept-as-a-digest']) {
    await call('get', '/runs', key).expect(200);
  }
  assertProblem(await call('get', '/generate?label=3', 'only-inference'), 404, 'no_model');
  assertProblem(await call('get', '/generate?label=3', 'kept-as-a-digest'), 403, 'forbidden');
  const refused = await call('post', '/runs', 'only-inference');
  assertProblem(refused, 403, 'forbidden');
  assert.match(refused.headers['www-authenticate']!, /error="insufficient_scope", scope="train"/);
  for (const key of ['both-of-them', 'kept-as-a-digest', 'opens-everything'])
    await call('post', '/runs', key).expect(202);
  assertProblem(await call('delete', `/models/${newModelId()}`, 'both-of-them'), 403, 'forbidden');
  assertProblem(await call('delete', `/models/${newModelId()}`, 'opens-everything'), 404, 'model_not_found');
});

test('a key added to the file works at once, and stops working when it is revoked', async () => {
  const { key, record } = await createKey(file, { name: 'guest', scopes: ['infer'] });
  await call('get', '/runs', key).expect(200);
  await revokeKey(file, record.id);
  const revoked = await call('get', '/runs', key);
  assert.match(assertProblem(revoked, 401, 'unauthorized').detail, /revoked/);
  const old = await createKey(file, { name: 'old', scopes: ['infer'], expiresAt: new Date(Date.now() - 1) });
  assert.match(assertProblem(await call('get', '/runs', old.key), 401, 'unauthorized').detail, /has expired/);
});

test('the audit log names who changed what and who was refused, but contains no key', async () => {
  audited.length = 0;
  const posted = await call('post', '/runs', 'both-of-them').set('x-request-id', 'asked-by-test').expect(202);
  assertProblem(await call('post', '/runs', 'only-inference'), 403, 'forbidden');
  for (let i = 0; i < 5; i++) await call('post', '/runs', 'only-inference').expect(403);
  await call('get', '/runs', 'only-inference').expect(200);
  const [created, ...rest] = audited;
  assert.deepEqual(created, {
    action: 'createRun',
    key: { id: 'env3', name: 'API_KEYS 3' },
    from: '127.0.0.1',
    outcome: 'done',
    status: 202,
    subject: posted.headers.location,
    requestId: 'asked-by-test',
  });
  // An earlier test logged the first refusal of this kind; within a minute no other is logged.
  assert.deepEqual(rest, []);
  assert.ok(!JSON.stringify(audited).includes('both-of-them'));
});

test('an address that tries many wrong keys is limited; valid keys from it still pass', async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 30; i++) statuses.push((await call('get', '/runs', `guess-${i}`)).status);
  assert.equal(statuses.at(-1), 429);
  const limited = await call('get', '/runs', 'guess');
  assertProblem(limited, 429, 'rate_limited');
  assert.ok(Number(limited.headers['retry-after']) >= 1);
  await call('get', '/runs', 'opens-everything').expect(200);
});
