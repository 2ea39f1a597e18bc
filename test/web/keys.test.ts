import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { KeyRing } from '../../src/platform/keys/index.ts';
import { publishModel, startServer, type TestServer } from '../api/test-server.ts';
import { assertAccessible, drawStroke, launchBrowser, SEVEN, SKIP, visit } from './browser.ts';

const KEY = 'a-key-that-opens-all';
const DASHBOARD = fileURLToPath(new URL('../../dist/web', import.meta.url));
let server: TestServer;
let browser: Browser;
before(async () => {
  if (SKIP) return;
  const keys = await KeyRing.open({ specs: [KEY] });
  [server, browser] = await Promise.all([startServer({ dashboard: DASHBOARD, keys }), launchBrowser()]);
  await publishModel(server.models);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test('the page asks for a key, reports a wrong one, and keeps it out of addresses and storage', {
  skip: SKIP,
}, async () => {
  const { page, complaints, context } = await visit(browser, server.url, '#/playground/draw');
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  const dialog = page.getByRole('dialog', { name: 'API key' });
  await dialog.getByText('This server requires an API key.').waitFor();
  await assertAccessible(page, 'key dialog');

  await dialog.getByLabel('Key').fill('not-the-right-one');
  await dialog.getByRole('button', { name: 'Use this key' }).click();
  await dialog.getByText('The server rejected this key.').waitFor();
  await dialog.getByLabel('Key').fill(KEY);
  await dialog.getByRole('button', { name: 'Use this key' }).click();
  await dialog.waitFor({ state: 'detached' });

  await drawStroke(page, '.pad canvas', SEVEN);
  await page.getByRole('list', { name: 'Every digit in your handwriting' }).getByRole('img').nth(9).waitFor();
  // Elements cannot send a key, so their pictures are blobs.
  await page.getByRole('link', { name: 'Models' }).click();
  await page.locator('.digits img[src^="blob:"]').nth(9).waitFor();

  assert.ok(asked.every((url) => !url.includes(KEY)));
  assert.ok(!(await page.content()).includes(KEY));
  assert.ok(!(await page.evaluate(() => JSON.stringify(localStorage))).includes(KEY));
  const others = complaints.filter((text) => !text.includes('401 (Unauthorized)'));
  assert.deepEqual(others, []);

  await page.getByRole('button', { name: 'Forget key' }).click();
  await dialog.waitFor();
  await context.close();
});

test('a run is followed with the key in the request header', { skip: SKIP }, async () => {
  const created = await fetch(`${server.url}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ name: 'Behind a key' }),
  });
  const { page, context } = await visit(browser, server.url, `#${created.headers.get('location')}`);
  await page.getByRole('textbox', { name: 'Key' }).fill(KEY);
  await page.getByRole('button', { name: 'Use this key' }).click();
  await page.getByRole('heading', { name: 'Behind a key' }).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel run' }).click();
  await page.locator('[data-state=cancelled]').waitFor();
  await context.close();
});
