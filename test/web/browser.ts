import assert from 'node:assert/strict';
import axe from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';

/** Why browser tests are skipped, if they are. `npm test` finds or installs a browser and sets CHROMIUM. */
export const SKIP = process.env.CHROMIUM
  ? false
  : 'Chromium is missing: run apt-get install -y chromium, or set CHROMIUM to its path';

/** Arguments that keep Chromium from contacting other hosts. */
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

/** Time limit for every wait, generous for slow machines. */
const TIMEOUT_MS = 90_000;

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** Console errors and warnings, policy violations, and requests to other hosts. */
  complaints: string[];
}

/** Opens an address of the dashboard in a new context and records complaints. */
export async function visit(
  browser: Browser,
  url: string,
  hash = '#/',
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
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

/** Waits for running transitions, since colours between two themes have the wrong contrast. */
async function waitForTransitions(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const transitions = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
    await Promise.allSettled(transitions.map(({ finished }) => finished));
  });
}

/** Fails if axe finds serious or critical violations. The debugger runs it, past the page's policy. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  await waitForTransitions(page);
  await page.evaluate(axe.source);
  const findings = await page.evaluate(async () => {
    const { axe: engine } = window as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
    return (await engine.run()).violations;
  });
  const violations = findings
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)}`);
  assert.deepEqual(violations, [], what);
}

type Point = readonly [x: number, y: number];

/** Draws a stroke with the mouse, in shares of the element's size; calls `during` before releasing the button. */
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

/** The digit 7. */
export const SEVEN: readonly Point[] = [
  [0.25, 0.25],
  [0.5, 0.23],
  [0.75, 0.25],
  [0.6, 0.5],
  [0.45, 0.82],
];
