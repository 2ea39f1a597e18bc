import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser, Request } from 'playwright-core';
import { publishModel, startServer, type TestServer } from '../api/test-server.ts';
import { assertAccessible, drawStroke, launchBrowser, SEVEN, SKIP, visit } from './browser.ts';

/** The playground with a model of uploaded letters: labels have names, and the position of a drawing matters. */
const DASHBOARD = fileURLToPath(new URL('../../dist/web', import.meta.url));
const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'];
let server: TestServer;
let browser: Browser;
before(async () => {
  if (SKIP) return;
  [server, browser] = await Promise.all([startServer({ dashboard: DASHBOARD }), launchBrowser()]);
  await publishModel(server.models, { dataset: 'letters', labels: LETTERS });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test('drawing a named letter generates all letters in its style', { skip: SKIP }, async () => {
  const { page, complaints, context } = await visit(browser, server.url, '#/playground/draw');
  await page.getByText('Draw one letter. The model encodes its style and generates all 62').waitFor();
  const made = page.getByRole('list', { name: 'Every letter in your handwriting' }).getByRole('img');
  // The mean image of the label guides the pen before anything is drawn.
  await page.locator('.pad-guide').waitFor();
  const guide = (): Promise<string | null> => page.locator('.pad-guide').getAttribute('src');
  const ofA = await guide();
  await page.getByLabel('Label of the drawing').selectOption('g');
  await page.waitForFunction(
    (before) => document.querySelector('.pad-guide')?.getAttribute('src') !== before,
    ofA,
  );

  const asked: Request[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/style-transfer')) asked.push(request);
  });
  await drawStroke(page, '.pad canvas', SEVEN);
  await made.nth(61).waitFor();
  assert.equal(await made.count(), 62);
  assert.deepEqual(
    await made.evaluateAll((images) => images.map((image) => (image as HTMLImageElement).alt)),
    LETTERS,
  );
  await page.getByTestId('reading').filter({ hasText: 'Label g, as chosen.' }).waitFor();
  assert.ok(asked.length > 0);
  for (const request of asked) assert.deepEqual(request.postDataJSON().labels, ['g']);

  // 'A' and 'a' are different labels.
  await page.getByLabel('Label of the drawing').selectOption('a');
  await page.getByTestId('reading').filter({ hasText: 'Label a,' }).waitFor();
  await page.getByRole('button', { name: 'Use an example of A', exact: true }).click();
  await page.getByTestId('reading').filter({ hasText: 'Label A,' }).waitFor();
  await page.getByLabel('Label of the drawing').selectOption('');
  await page
    .getByTestId('reading')
    .filter({ hasText: /^Looks like . / })
    .waitFor();
  await assertAccessible(page, 'letters');
  assert.deepEqual(complaints, []);
  await context.close();
});
