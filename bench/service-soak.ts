import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { resolveConfig } from '../src/core/contracts/presets.ts';
import { ask, Unanswered } from './chaos/ask.ts';
import { configOf } from './chaos/runs.ts';
import { growth, type MemoryRow, memoryCurves, memoryOf } from './lib/memory.ts';
import { publishUntrained } from './lib/untrained.ts';
import { prepare } from './prepare.mjs';
import { ask as call } from './serving/model.ts';
import { type Server, startStylograph } from './serving/servers.ts';

/**
 * npm run soak -- [--minutes 60] [--iterations 2000] [--json FILE]
 *
 * Keeps the whole service under mixed load while one run after another trains, and records the memory of every process.
 * Exit code 1 when a request failed, a run failed, or a long-lived process grew by over 10 %. Growth counts only in soaks
 * of at least five minutes, because before that everything is warm-up. Writes the curves as an SVG beside FILE.
 * (`bench:soak` measures training alone, in one process.)
 */
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    iterations: { type: 'string', default: '2000' },
    json: { type: 'string' },
  },
});
const ROWS = 240;
const LEAST_PAUSE_MS = 500;
const PAUSE_MS = 40;
/** Growth counts when it exceeds both the share and the megabytes, in a soak of at least these minutes. */
const GROWTH = { share: 1.1, megabytes: 40, minutes: 5 };

/** When the server was ready, in milliseconds. */
let started = Date.now();
const seconds = (): number => (Date.now() - started) / 1000;
const end = (): number => started + Number(options.minutes) * 60_000;
const isOver = (): boolean => Date.now() >= end();

/** The calls of the clients, in turn. */
const latents = Array.from({ length: 20 }, (_, i) => ({ latent: [i / 10 - 1, 0.3], label: i % 10 }));
const CALLS: ((url: string, i: number, picture: string) => ReturnType<typeof ask>)[] = [
  (url, i) => ask(`${url}/generate?label=${i % 10}`),
  (url, i) => ask(`${url}/generate?label=${i % 10}&seed=${i}&count=25`),
  (url) => ask(`${url}/decode`, { method: 'POST', json: { latents } }),
  (url, _, png) => ask(`${url}/encode`, { method: 'POST', json: { images: [{ png }] } }),
  (url, _, png) => ask(`${url}/style-transfer`, { method: 'POST', json: { images: [{ png }], labels: [3] } }),
  (url, i) => ask(`${url}/manifold?label=${i % 10}&size=5`),
  (url) => ask(`${url}/runs?limit=20`),
  (url) => ask(`${url}/models`),
  (url) => ask(`${url}/health/ready`),
  (url) => ask(`${url}/metrics`),
];

async function keepAsking(server: Server, counts: Record<string, number>, failures: string[]): Promise<void> {
  const { body } = await ask(`${server.url}/generate?label=3&seed=1`);
  const picture = body.toString('base64');
  for (let i = 0; !isOver(); i++) {
    const at = i % CALLS.length;
    try {
      const { status, body: answer } = await CALLS[at]!(server.url, i, picture);
      counts[status] = (counts[status] ?? 0) + 1;
      if (status !== 200) failures.push(`${status}: ${answer.toString('utf8').slice(0, 200)}`);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      failures.push(`call ${at} had no response: ${error.code}`);
    }
    await sleep(PAUSE_MS);
  }
}

/** Trains one run after another and follows each as an event stream. Cancels the last one when time is up. */
async function keepTraining(server: Server, ended: Record<string, number>): Promise<void> {
  for (let seed = 1; !isOver(); seed++) {
    const config = configOf(Number(options.iterations));
    const { id } = await call(server, '/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ preset: 'quick', seed, config }),
    });
    const leave = new AbortController();
    const headers = { accept: 'text/event-stream' };
    const stream = fetch(`${server.url}/runs/${id}/events`, { headers, signal: leave.signal })
      .then((answer) => answer.text())
      .catch(() => '');
    let { state } = await call(server, `/runs/${id}`);
    while (!['succeeded', 'failed', 'cancelled'].includes(state)) {
      await sleep(1_000);
      if (isOver()) await ask(`${server.url}/runs/${id}/cancel`, { method: 'POST' });
      ({ state } = await call(server, `/runs/${id}`));
    }
    ended[state] = (ended[state] ?? 0) + 1;
    leave.abort();
    await stream;
  }
}

async function watchMemory(server: Server, rows: MemoryRow[]): Promise<void> {
  const pause = Math.max(LEAST_PAUSE_MS, (end() - started) / ROWS);
  while (!isOver()) {
    rows.push(memoryOf(server.pid, seconds()));
    await sleep(pause);
  }
}

await prepare();
const folder = mkdtempSync(join(tmpdir(), 'stylograph-soak-'));
// The clients need a model from the start.
await publishUntrained(folder, { preset: 'quick', config: resolveConfig('quick', configOf(1)), models: 1 });
const server = await startStylograph(folder);
started = Date.now();
const report = {
  measuredAt: new Date().toISOString(),
  ...{ minutes: Number(options.minutes), cpu: cpus()[0]?.model, cores: cpus().length },
  answers: {} as Record<string, number>,
  failures: [] as string[],
  runs: {} as Record<string, number>,
  rows: [] as MemoryRow[],
};
try {
  await Promise.all([
    keepAsking(server, report.answers, report.failures),
    keepAsking(server, report.answers, report.failures),
    keepTraining(server, report.runs),
    watchMemory(server, report.rows),
  ]);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
const grown = Object.entries(growth(report.rows));
for (const [kind, { from, to }] of grown) {
  console.log(
    `${kind.padEnd(10)} ${from.toFixed(0).padStart(5)} MB in the second quarter, ${to.toFixed(0)} in the last`,
  );
}
console.log(
  `Answers: ${JSON.stringify(report.answers)}; runs: ${JSON.stringify(report.runs)}; ${report.failures.length} failures`,
);
for (const failure of report.failures.slice(0, 10)) console.log(`  ${failure}`);
if (options.json) {
  writeFileSync(options.json, `${JSON.stringify(report)}\n`);
  writeFileSync(options.json.replace(/(\.json)?$/, '.svg'), memoryCurves(report.rows));
}
const isLong = Number(options.minutes) >= GROWTH.minutes;
const tooMuch =
  isLong && grown.some(([, { from, to }]) => to > from * GROWTH.share && to - from > GROWTH.megabytes);
process.exit(report.failures.length > 0 || tooMuch || (report.runs.failed ?? 0) > 0 ? 1 : 0);
