import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { assertProblem, startServer, type TestServer } from './test-server.ts';

/** A server without keys on this machine. It must not take requests of other sites' pages for requests of its user. */
let server: TestServer;
before(async () => {
  server = await startServer({ allowedHosts: ['studio.example'] });
});
after(() => server.close());

const post = (headers: Record<string, string>) => request(server.url).post('/runs').set(headers);

test('a page of another site cannot start a run, with or without fetch metadata', async () => {
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', origin: 'http://127.0.0.1:1' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', origin: 'https://evil.example' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ]) {
    assertProblem(await post(headers), 403, 'cross_site');
  }
  assert.equal((await request(server.url).get('/runs')).body.items.length, 0);
});

test('another site cannot embed an image, but may link to the dashboard', async () => {
  const image = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
  assertProblem(await request(server.url).get('/generate?label=3').set(image), 403, 'cross_site');
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
  await request(server.url).get('/').set(link).expect(200);
});

test('the dashboard of this server and programs are accepted', async () => {
  await post({ 'sec-fetch-site': 'same-origin', origin: server.url }).expect(202);
  await post({ origin: server.url }).expect(202);
  await post({}).expect(202);
});

test('an unknown host name is refused unless it is allowed (DNS rebinding)', async () => {
  for (const host of [
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
  ]) {
    assertProblem(await request(server.url).get('/runs').set('host', host), 403, 'cross_site');
  }
  for (const host of ['localhost:8080', '[::1]:8080', '127.0.0.1', 'studio.example', 'STUDIO.example:443']) {
    await request(server.url).get('/runs').set('host', host).expect(200);
  }
});
