import assert from 'node:assert/strict';
import axe from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';

/** Why tests in a browser are skipped, if they are; `npm test` finds or installs one and names it in CHROMIUM. */
export const SKIP = process.env.CHROMIUM
  ? false
  : 'no Chromium is here: apt-get install -y chromium, or name one in CHROMIUM';

/** What keeps a Chromium from calling its maker's hosts. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: process.env.CHROMIUM!, args: ARGUMENTS });
}

/** How long anything is waited for: a guard against waiting for ever, on whatever machine. */
const PATIENCE_MS = 90_000;

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** Errors, warnings and breaches of the policy that the browser told of, and requests to other hosts. */
  complaints: string[];
}

/** A fresh page at an address of the dashboard, with everything noted that should not be there. */
export async function visit(
  browser: Browser,
  url: string,
  hash = '#/',
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('request', (request) => {
    const to = request.url();
    if (!to.startsWith(url) && !/^(data|blob):/.test(to)) complaints.push(`request to ${to}`);
  });
  await page.goto(`${url}/${hash}`);
  return { page, context, complaints };
}

interface Finding {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary: string }[];
}

/** Waits out the transitions under way, as of colours between two themes: half-way they have no contrast to judge. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const transitions = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
    await Promise.allSettled(transitions.map(({ finished }) => finished));
  });
}

/** Fails when axe finds anything serious or critical. Run past the page's policy, by the browser's own debugger. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  await settle(page);
  await page.evaluate(axe.source);
  const findings = await page.evaluate(async () => {
    const { axe: engine } = window as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
    return (await engine.run()).violations;
  });
  const grave = findings
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)}`);
  assert.deepEqual(grave, [], what);
}

type Point = readonly [x: number, y: number];

/** A stroke in shares of the element's size, as a mouse draws it; `during` is called before the button is released. */
export async function drawStroke(
  page: Page,
  selector: string,
  points: readonly Point[],
  during: () => Promise<void> = async () => undefined,
): Promise<void> {
  const box = (await page.locator(selector).boundingBox())!;
  const at = ([x, y]: Point): Point => [box.x + x * box.width, box.y + y * box.height];
  const [first, ...rest] = points;
  await page.mouse.move(...at(first!));
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...at(point), { steps: 5 });
  await during();
  await page.mouse.up();
}

/** A seven. */
export const SEVEN: readonly Point[] = [
  [0.25, 0.25],
  [0.5, 0.23],
  [0.75, 0.25],
  [0.6, 0.5],
  [0.45, 0.82],
];
