import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import request from 'supertest';
import { KeyRing } from '../../src/platform/keys/index.ts';
import { startServer, type TestServer } from '../api/test-server.ts';

/** The dashboard from the build of `npm test`. */
const DASHBOARD = fileURLToPath(new URL('../../dist/web', import.meta.url));
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8';
let server: TestServer;
before(async () => {
  server = await startServer({
    dashboard: DASHBOARD,
    keys: await KeyRing.open({ specs: ['opens-everything'] }),
  });
});
after(() => server.close());

const page = async () => await request(server.url).get('/').set('accept', BROWSER).expect(200);

test('browsers get the page and programs get the index, both without a key', async () => {
  const { headers, text } = await page();
  assert.match(headers['content-type']!, /^text\/html/);
  assert.match(headers.vary!, /accept/i);
  assert.match(text, /<title>Stylograph<\/title>/);
  for (const accept of ['application/json', '*/*']) {
    const index = await request(server.url).get('/').set('accept', accept).expect(200);
    assert.equal(index.body.name, 'stylograph');
  }
});

test('the page is revalidated every time and sent only after a change', async () => {
  const { headers } = await page();
  assert.equal(headers['cache-control'], 'no-cache');
  const again = request(server.url).get('/').set('accept', BROWSER).set('if-none-match', headers.etag!);
  assert.equal((await again).status, 304);
});

test('the content security policy allows only the own files', async () => {
  const { headers, text } = await page();
  const policy = headers['content-security-policy']!;
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  for (const [, value] of text.matchAll(/(?:src|href)="([^"]*)"/g)) assert.match(value!, /^\//);
  assert.doesNotMatch(text, /<style|<script(?![^>]*src=)|style="|onload=/);
});

test('assets are immutable and sent compressed', async () => {
  const { text } = await page();
  const assets = [...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
  assert.ok(assets.length >= 3, text);
  for (const path of assets) {
    const response = await request(server.url).get(path).set('accept-encoding', 'br').expect(200);
    assert.match(response.headers['cache-control']!, /max-age=31536000, immutable/);
    assert.equal(response.headers['content-encoding'], 'br');
  }
  const missing = await request(server.url).get('/assets/none.js').expect(404);
  assert.match(missing.headers['content-type']!, /^application\/problem\+json/);
});
