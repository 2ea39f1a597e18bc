import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeSmallMnist } from '../data/mnist-files.ts';
import { assertAccessible, drawStroke, SEVEN, SKIP, visit } from './browser.ts';
import { serviceWithBrowser } from './service.ts';

/** The steps of a new user: start a run on the page, watch it end, draw with its model. Each test needs those before it. */
const running = serviceWithBrowser((folder) => writeSmallMnist(folder, { testImages: 40 }));

const SETTINGS = {
  Iterations: '12',
  'Batch size': '16',
  'Warm-up': '6',
  'Checkpoint every': '6',
  'Metrics every': '3',
  'Samples every': '4',
};

test('the playground without a model offers to train one', { skip: SKIP }, async () => {
  const { service, browser } = running;
  const { page, complaints, context } = await visit(browser, service.url, '#/playground');
  await page.getByRole('heading', { name: 'No model yet' }).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Start a quick run' }).isEnabled());
  await assertAccessible(page, 'no model');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('the form of a new run shows errors at their fields and an estimate', {
  skip: SKIP,
}, async () => {
  const { service, browser } = running;
  const { page, context } = await visit(browser, service.url, '#/runs/new');
  await page.getByLabel('Batch size').fill('1');
  const error = page.locator('#batchSize-error');
  await error.waitFor();
  assert.match((await error.textContent())!, /2/);
  assert.equal(await page.getByLabel('Batch size').getAttribute('aria-invalid'), 'true');
  assert.ok(await page.getByRole('button', { name: 'Start the run' }).isDisabled());
  await page.getByLabel('Batch size').fill('32');
  await error.waitFor({ state: 'detached' });
  await page
    .getByText(/^\d+ MB$/)
    .first()
    .waitFor();
  await assertAccessible(page, 'new run');
  await context.close();
});

test('a run started on the page is shown until it succeeds', { skip: SKIP, timeout: 600_000 }, async () => {
  const { service, browser } = running;
  const { page, complaints, context } = await visit(browser, service.url);
  await page.getByRole('link', { name: 'Start a run' }).click();
  await page.getByLabel('Name').fill('Twelve steps');
  await page.getByText('More settings').click();
  for (const [label, value] of Object.entries(SETTINGS)) await page.getByLabel(label).fill(value);
  await page.getByRole('button', { name: 'Start the run' }).click();

  await page.getByRole('heading', { name: 'Twelve steps' }).waitFor();
  // The slider shows earlier samples too.
  await page.getByText('Iteration 12').waitFor();
  const slider = page.getByLabel('Iteration shown');
  assert.equal(await slider.getAttribute('max'), '2');
  await slider.fill('0');
  await page.getByText('Iteration 4').waitFor();
  // Evaluation and figures take longer than a dozen iterations.
  await page.locator('[data-state=succeeded]').waitFor({ timeout: 300_000 });
  await page.getByText('12 of 12 iterations').waitFor();
  await page.getByRole('heading', { name: 'The model is ready' }).waitFor();
  await page.getByRole('figure').filter({ hasText: 'Likeness and prior' }).waitFor();
  await assertAccessible(page, 'run');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('drawing a digit generates all ten digits in its style', { skip: SKIP }, async () => {
  const { service, browser } = running;
  const { page, complaints, context } = await visit(browser, service.url, '#/playground/draw');
  const digits = page.getByRole('list', { name: 'Every digit in your handwriting' }).getByRole('img');
  await page.getByText('Draw a digit here').waitFor();
  await drawStroke(page, '.pad canvas', SEVEN, async () => {
    // Before the pen is lifted.
    await digits.nth(9).waitFor();
  });
  await page
    .getByTestId('reading')
    .filter({ hasText: /^Looks like \d/ })
    .waitFor();
  assert.equal(await digits.count(), 10);
  const widths = await digits.evaluateAll((images) =>
    images.map((image) => (image as HTMLImageElement).naturalWidth),
  );
  assert.deepEqual(widths, Array(10).fill(28));

  await page.getByLabel('Label of the drawing').selectOption('7');
  await page.getByTestId('reading').filter({ hasText: 'Label 7, as chosen.' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Draw a digit here').waitFor();
  assert.equal(await digits.count(), 0);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('an example chosen by keyboard generates ten digits', { skip: SKIP }, async () => {
  const { service, browser } = running;
  const { page, context } = await visit(browser, service.url, '#/playground/draw');
  await page.getByRole('button', { name: 'Use an example of 3' }).press('Enter');
  const digits = page.getByRole('list', { name: 'Every digit in your handwriting' }).getByRole('img');
  await digits.nth(9).waitFor();
  await context.close();
});

test('a link to a generated digit always gives the same picture', { skip: SKIP }, async () => {
  const { service, browser } = running;
  const [{ id }] = (await (await fetch(`${service.url}/models`)).json()).items;
  const hash = `#/playground/generate?model=${id}&label=5&seed=42&truncation=0.8`;
  const { page, context } = await visit(browser, service.url, hash);
  // The element exists before its image is loaded.
  const picture = page.locator('img[alt="5, seed 42"][src]');
  const shown = await picture.getAttribute('src');
  const wanted = await fetch(`${service.url}/generate?model=${id}&label=5&seed=42&truncation=0.8`);
  const png = Buffer.from(await wanted.arrayBuffer()).toString('base64');
  assert.equal(shown, `data:image/png;base64,${png}`);
  await page.getByRole('radio', { name: '8' }).check();
  await page.getByRole('img', { name: '8, seed 42' }).waitFor();
  assert.match(page.url(), /label=8&seed=42/);
  await context.close();
});

test('an alias is set after an invalid one was rejected', { skip: SKIP }, async () => {
  const { service, browser } = running;
  const { page, context } = await visit(browser, service.url, '#/models');
  const field = page.getByLabel('Alias', { exact: true });
  await field.fill('Not A Name');
  await page.getByRole('button', { name: 'Set' }).click();
  await page.getByText(/must start with a letter/).waitFor();
  await field.fill('favourite');
  await page.getByRole('button', { name: 'Set' }).click();
  await page.getByRole('list', { name: 'Aliases' }).getByText('favourite').waitFor();
  const { aliases } = await (await fetch(`${service.url}/models/favourite`)).json();
  assert.ok(aliases.includes('favourite'));
  await context.close();
});

test('two selected runs are compared', { skip: SKIP }, async () => {
  const { service, browser } = running;
  const created = await fetch(`${service.url}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Wider', config: { latentDim: 3 } }),
  });
  await fetch(`${service.url}${created.headers.get('location')}/cancel`, { method: 'POST' });
  const { page, complaints, context } = await visit(browser, service.url);
  await page.getByLabel('Compare Wider').check();
  await page.getByLabel('Compare Twelve steps').check();
  await page.getByRole('button', { name: 'Compare 2 runs' }).click();
  const row = page.getByRole('row', { name: /^Latent dim/ });
  await row.waitFor();
  assert.deepEqual(await row.getByRole('cell').allTextContents(), ['3', '8']);
  await page.getByRole('figure').filter({ hasText: 'Prior loss' }).waitFor();
  await assertAccessible(page, 'compare');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('every page is accessible in both themes and fits a phone', { skip: SKIP }, async () => {
  const { service, browser } = running;
  const pages = {
    runs: '#/',
    models: '#/models',
    datasets: '#/datasets',
    draw: '#/playground/draw',
    generate: '#/playground/generate',
    walk: '#/playground/walk',
    blend: '#/playground/blend',
    nothing: '#/nowhere',
  };
  for (const [name, hash] of Object.entries(pages)) {
    const look = { colorScheme: 'dark', viewport: { width: 390, height: 844 } } as const;
    const { page, complaints, context } = await visit(browser, service.url, hash, look);
    await page.locator('main h1, main h2').first().waitFor();
    await page.waitForLoadState('networkidle');
    await assertAccessible(page, `${name}, dark`);
    await page.getByRole('button', { name: 'Use the light theme' }).click();
    await assertAccessible(page, `${name}, light`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} pixels wider than a phone`);
    assert.deepEqual(complaints, [], name);
    await context.close();
  }
});
