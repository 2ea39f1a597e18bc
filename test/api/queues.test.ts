import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { createKey, KeyRing, revokeKey } from '../../src/platform/keys/index.ts';
import { assertProblem, startServer, type TestServer } from './test-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylograph-queues-'));
const file = join(folder, 'keys.json');
let server: TestServer;
let admin: Awaited<ReturnType<typeof createKey>>;
before(async () => {
  admin = await createKey(file, { name: 'operator', scopes: ['admin'] });
  const keys = await KeyRing.open({ specs: ['infer+train:not-an-operator'], file, freshMs: 0 });
  server = await startServer({ keys });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const openSession = async (): Promise<string> => {
  const opened = await request(server.url).post('/queues/session').set(bearer(admin.key)).expect(204);
  return String(opened.headers['set-cookie']);
};

test('only an admin key opens the board', async () => {
  assertProblem(await request(server.url).get('/queues'), 401, 'unauthorized');
  assertProblem(await request(server.url).get('/queues').set(bearer('not-an-operator')), 403, 'forbidden');
  assertProblem(
    await request(server.url).post('/queues/session').set(bearer('not-an-operator')),
    403,
    'forbidden',
  );
  const page = await request(server.url).get('/queues').set(bearer(admin.key)).expect(200);
  assert.match(page.text, /<title>Stylograph/);
  assert.match(page.headers['content-security-policy']!, /script-src 'self'/);
  const queues = await request(server.url).get('/queues/api/queues').set(bearer(admin.key)).expect(200);
  assert.deepEqual(
    queues.body.queues.map(({ name }: { name: string }) => name),
    ['runs'],
  );
});

test('a session replaces the key at the board only, and scripts and other sites cannot use it', async () => {
  const cookie = await openSession();
  assert.match(cookie, /Path=\/queues; HttpOnly; SameSite=Strict; Max-Age=3600$/);
  assert.ok(!cookie.includes(admin.key));
  const [pair] = cookie.split(';');
  await request(server.url).get('/queues').set('cookie', `other=1; ${pair}`).expect(200);
  assertProblem(await request(server.url).get('/runs').set('cookie', pair!), 401, 'unauthorized');
  const action = request(server.url).put('/queues/api/queues/pause').set('cookie', pair!);
  assertProblem(
    await action.set({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }),
    403,
    'cross_site',
  );
  const forged = request(server.url).put('/queues/api/queues/pause').set('cookie', pair!);
  assertProblem(await forged.set('origin', 'https://evil.example'), 403, 'cross_site');
  const own = request(server.url)
    .put('/queues/api/queues/pause')
    .set('cookie', pair!)
    .set('origin', server.url);
  await own.expect(200);
  await request(server.url).put('/queues/api/queues/resume').set('cookie', pair!).expect(200);
});

test('a session ends when it is closed or its key is revoked', async () => {
  const first = (await openSession()).split(';')[0]!;
  await request(server.url).delete('/queues/session').set('cookie', first).expect(204);
  assertProblem(await request(server.url).get('/queues').set('cookie', first), 401, 'unauthorized');
  const second = (await openSession()).split(';')[0]!;
  await request(server.url).get('/queues').set('cookie', second).expect(200);
  await revokeKey(file, admin.record.id);
  assertProblem(await request(server.url).get('/queues').set('cookie', second), 401, 'unauthorized');
});
