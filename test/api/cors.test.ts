import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { KeyRing } from '../../src/platform/keys/index.ts';
import { loadSettings } from '../../src/platform/settings/settings.ts';
import { assertProblem, startServer, type TestServer } from './test-server.ts';

const STUDIO = 'https://studio.example.org';
const KEY = 'the-key-of-the-studio';
let server: TestServer;
/** A server without keys, as on a user's own machine. */
let open: TestServer;
let closed: TestServer;
before(async () => {
  const { CORS_ORIGINS: allowedOrigins } = loadSettings({ CORS_ORIGINS: `${STUDIO}, http://localhost:5173` });
  server = await startServer({ keys: await KeyRing.open({ specs: [KEY] }), allowedOrigins });
  open = await startServer({ allowedOrigins, inference: server.inference });
  closed = await startServer({ keys: await KeyRing.open({ specs: [KEY] }), inference: server.inference });
});
after(async () => {
  await closed.close();
  await open.close();
  await server.close();
});

const preflight = (to: TestServer, origin: string) =>
  request(to.url).options('/runs').set({
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,idempotency-key',
  });
const get = (to: TestServer, origin: string) =>
  request(to.url)
    .get('/runs')
    .set({ origin, authorization: `Bearer ${KEY}` });

test('a page of an allowed origin may call and read the headers of the answer', async () => {
  const asked = await preflight(server, STUDIO).expect(204);
  assert.equal(asked.headers['access-control-allow-origin'], STUDIO);
  assert.match(asked.headers['access-control-allow-methods']!, /\bPOST\b/);
  for (const header of ['Authorization', 'Content-Type', 'Idempotency-Key'])
    assert.ok(asked.headers['access-control-allow-headers']!.includes(header), header);
  const answer = await get(server, STUDIO).expect(200);
  assert.equal(answer.headers['access-control-allow-origin'], STUDIO);
  assert.match(answer.headers['access-control-expose-headers']!, /X-Model-Id/);
  assert.match(answer.headers.vary!, /Origin/);
  // Cookies are not allowed.
  assert.equal(answer.headers['access-control-allow-credentials'], undefined);
});

test('an allowed origin still needs a key, and may read why it was refused', async () => {
  const answer = await request(server.url).get('/runs').set('origin', STUDIO);
  assertProblem(answer, 401, 'unauthorized');
  assert.equal(answer.headers['access-control-allow-origin'], STUDIO);
});

test('an answer that depends on Accept and Origin names both in Vary', async () => {
  const index = await request(server.url).get('/').set('origin', STUDIO).expect(200);
  assert.match(index.headers.vary!, /Origin/);
  assert.match(index.headers.vary!, /Accept/);
});

test('other origins are not allowed, and without a setting none is', async () => {
  const others = [
    'https://evil.example',
    'https://studio.example.org.evil.example',
    'http://studio.example.org',
    'null',
  ];
  for (const [to, origin] of [
    ...others.map((other) => [server, other] as const),
    [closed, STUDIO] as const,
  ]) {
    for (const answer of [await preflight(to, origin), await get(to, origin)]) {
      assert.equal(answer.headers['access-control-allow-origin'], undefined, origin);
    }
  }
});

test('OPTIONS without an origin still lists the methods', async () => {
  const answer = await request(server.url).options('/runs').expect(204);
  assert.equal(answer.headers.allow, 'GET, HEAD, POST, OPTIONS');
});

test('a server without keys accepts pages of allowed origins, but not their cookies', async () => {
  const headers = { origin: STUDIO, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' };
  await request(open.url).post('/runs').set(headers).expect(202);
  assertProblem(
    await request(open.url)
      .post('/runs')
      .set({ ...headers, cookie: 'a=b' }),
    403,
    'cross_site',
  );
  const other = { ...headers, origin: 'https://evil.example' };
  assertProblem(await request(open.url).post('/runs').set(other), 403, 'cross_site');
});

test('a malformed origin in the settings is refused at startup', () => {
  for (const wrong of [
    '*',
    'studio.example.org',
    'https://studio.example.org/',
    'https://*.example.org',
    'null',
  ]) {
    assert.throws(
      () => loadSettings({ CORS_ORIGINS: wrong }),
      /CORS_ORIGINS: must be an origin such as https/,
      wrong,
    );
  }
});
