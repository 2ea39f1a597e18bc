import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { zipSync } from 'fflate';
import type { Browser } from 'playwright-core';
import { folders } from '../data/upload/labelled-pictures.ts';
import { assertAccessible, launchBrowser, SKIP, visit } from './browser.ts';
import { type Service, startService } from './service.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylograph-web-'));
let service: Service;
let browser: Browser;
before(async () => {
  if (SKIP) return;
  [service, browser] = await Promise.all([startService(folder), launchBrowser()]);
});
after(async () => {
  await browser?.close();
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const zipOf = (files: Record<string, Uint8Array>) => ({
  name: 'my shapes.zip',
  mimeType: 'application/zip',
  buffer: Buffer.from(zipSync(files)),
});

test('own images are dropped on the page, shown, told about and deleted again', { skip: SKIP }, async () => {
  const { page, complaints, context } = await visit(browser, service.url, '#/datasets');
  await page.getByLabel('Files').setInputFiles(zipOf({ 'a.png': Buffer.from('no picture') }));
  await page.getByRole('alert').waitFor();
  assert.match((await page.getByRole('alert').textContent())!, /a\.png is not in a label folder/);
  // The browser tells of the answer that refused it.
  assert.ok(complaints.every((text) => text.includes('422')));
  complaints.length = 0;

  await page
    .getByLabel('Files')
    .setInputFiles(zipOf(await folders(['cat', 'dog'], 5, { ink: [250, 90, 30] })));
  await page.getByText('my shapes is here now, with 2 labels.').waitFor();
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'my shapes' }) });
  await card.getByText('32 × 32, colour').waitFor();
  await card.getByText('One remark').click();
  await card.getByText(/Few images of cat \(5\), dog \(5\)/).waitFor();
  assert.match((await card.getByRole('link', { name: 'Train on it' }).getAttribute('href'))!, /my-shapes-/);
  await assertAccessible(page, 'datasets');
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true });

  await card.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await card.waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
  await context.close();
});
