import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeSmallMnist } from '../data/mnist-files.ts';
import { launchBrowser, SKIP, visit } from './browser.ts';
import { startService } from './service.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylograph-web-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = {
  iterations: 5_000,
  warmupIterations: 5_000,
  batchSize: 8,
  checkpointEvery: 20,
  metricsEvery: 5,
  sampleEvery: 5_000,
  networks: { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] },
};

test('a page reconnects after a restart of the server and shows each event once', {
  skip: SKIP,
  timeout: 400_000,
}, async (t) => {
  await writeSmallMnist(folder);
  let service = await startService(folder);
  const { url } = service;
  const browser = await launchBrowser();
  t.after(async () => {
    await browser.close();
    await service.stop();
  });
  const posted = await fetch(`${url}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Interrupted', preset: 'quick', seed: 3, config: CONFIG }),
  });
  const run = posted.headers.get('location')!;
  const { page } = await visit(browser, url, `#${run}`);
  const iteration = async (): Promise<number> => {
    const text = await page.locator('main .progress').first().textContent();
    return Number(/([\d,]+) of/.exec(text!)![1]!.replaceAll(',', ''));
  };
  await page.locator('[data-state=running]').waitFor();
  await page.getByText('Prior loss').first().waitFor();

  await service.stop();
  const banner = page.getByText('Connection lost.');
  await banner.waitFor();
  const before = await iteration();
  service = await startService(folder, { PORT: new URL(url).port });
  await banner.waitFor({ state: 'hidden' });
  await page.waitForFunction((old) => {
    const text = document.querySelector('main .progress')!.textContent!;
    return Number(/([\d,]+) of/.exec(text)![1]!.replaceAll(',', '')) > old + 20;
  }, before);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('[data-state=paused]').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('[data-state=running]').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel run' }).click();
  await page.locator('[data-state=cancelled]').waitFor();

  // The log has every change of state once, in order: followed and stored events agree.
  await page.locator('summary', { hasText: 'Log' }).click();
  await page.locator('.log li').nth(9).waitFor();
  const told = await page.locator('.log li').allTextContents();
  const states = told.flatMap((line) => /The run is (\w+)\.$/.exec(line)?.[1] ?? []);
  const interrupted = ['queued', 'running', 'queued', 'running'];
  const paused = ['pausing', 'paused', 'queued', 'running'];
  assert.deepEqual(states, [...interrupted, ...paused, 'cancelling', 'cancelled']);

  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete run' }).click();
  await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
});
