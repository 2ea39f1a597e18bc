import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zipSync } from 'fflate';
import { folders } from '../data/upload/labelled-pictures.ts';
import { assertAccessible, SKIP, visit } from './browser.ts';
import { serviceWithBrowser } from './service.ts';

const running = serviceWithBrowser();

const zipOf = (files: Record<string, Uint8Array>) => ({
  name: 'my shapes.zip',
  mimeType: 'application/zip',
  buffer: Buffer.from(zipSync(files)),
});

test('uploaded images become a dataset with its warnings, which can be deleted', { skip: SKIP }, async () => {
  const { service, browser } = running;
  const { page, complaints, context } = await visit(browser, service.url, '#/datasets');
  await page.getByLabel('Files').setInputFiles(zipOf({ 'a.png': Buffer.from('no picture') }));
  await page.getByRole('alert').waitFor();
  assert.match((await page.getByRole('alert').textContent())!, /a\.png is not in a label folder/);
  // The browser logs the response that rejected the upload.
  assert.ok(complaints.every((text) => text.includes('422')));
  complaints.length = 0;

  await page
    .getByLabel('Files')
    .setInputFiles(zipOf(await folders(['cat', 'dog'], 5, { ink: [250, 90, 30] })));
  await page.getByText('my shapes was added, with 2 labels.').waitFor();
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'my shapes' }) });
  await card.getByText('32 × 32, colour').waitFor();
  await card.getByText('1 warning').click();
  await card.getByText(/Few images of cat \(5\), dog \(5\)/).waitFor();
  assert.match(
    (await card.getByRole('link', { name: 'Train on this dataset' }).getAttribute('href'))!,
    /my-shapes-/,
  );
  await assertAccessible(page, 'datasets');
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true });

  await card.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete dataset' }).click();
  await card.waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
  await context.close();
});
