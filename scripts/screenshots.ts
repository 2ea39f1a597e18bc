/**
 * Takes the README's screenshots of a real `quick` run: docs/images/dashboard.png and playground.png.
 *
 *   node --import tsx scripts/screenshots.ts [URL]
 *
 * Without the URL of a server that has a finished run, a new server trains one first, which takes a few minutes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { drawStroke, launchBrowser, visit } from '../test/web/browser.ts';
import { type Service, startService } from '../test/web/service.ts';

const POLL_MS = 2_000;
const LOOK = { viewport: { width: 1280, height: 860 }, colorScheme: 'light' } as const;
/** A slanted digit 7 with a crossbar, in shares of the pad. */
const SEVEN = [
  [
    [0.26, 0.2],
    [0.5, 0.18],
    [0.76, 0.19],
    [0.66, 0.4],
    [0.52, 0.62],
    [0.44, 0.86],
  ],
  [
    [0.36, 0.52],
    [0.52, 0.49],
    [0.7, 0.48],
  ],
] as const;

const target = (name: string): string =>
  fileURLToPath(new URL(`../docs/images/${name}.png`, import.meta.url));

/** A palette is enough for these pages and needs a quarter of the bytes. */
async function save(name: string, png: Buffer): Promise<void> {
  await sharp(png).png({ palette: true, colours: 128, effort: 10 }).toFile(target(name));
}

interface Run {
  id: string;
  state: string;
}

async function finishedRun(url: string): Promise<Run> {
  for (;;) {
    const { items } = (await (await fetch(`${url}/runs`)).json()) as { items: Run[] };
    const done = items.find(({ state }) => state === 'succeeded');
    if (done) return done;
    if (items.every(({ state }) => state !== 'queued' && state !== 'running')) {
      throw new Error(`${url} has no run that succeeded or is still running.`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function takePictures(url: string): Promise<void> {
  const run = await finishedRun(url);
  const browser = await launchBrowser();
  try {
    const dashboard = await visit(browser, url, `#/runs/${run.id}`, {
      ...LOOK,
      viewport: { width: 1280, height: 1380 },
    });
    await dashboard.page.getByText(/^Iteration [\d,]+$/).waitFor();
    await dashboard.page.locator('.u-over').first().waitFor();
    await dashboard.page.waitForLoadState('networkidle');
    // The samples fade in.
    await dashboard.page.waitForTimeout(1_000);
    await save('dashboard', await dashboard.page.screenshot());

    const { page } = await visit(browser, url, '#/playground/draw', LOOK);
    for (const stroke of SEVEN) await drawStroke(page, '.pad canvas', stroke);
    await page
      .getByRole('list', { name: 'Every digit in your handwriting' })
      .getByRole('img')
      .nth(9)
      .waitFor();
    await page.waitForLoadState('networkidle');
    await save('playground', await page.screenshot());
  } finally {
    await browser.close();
  }
}

process.env.CHROMIUM ??= '/usr/bin/chromium';

const given = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), 'stylograph-screenshots-'));
let service: Service | undefined;
try {
  service = given === undefined ? await startService(folder, { DEMO: '1' }) : undefined;
  await takePictures(given ?? service!.url);
} finally {
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
}
