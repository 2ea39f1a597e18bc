import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../src/core/contracts/presets.ts';
import { option } from './lib/option.ts';
import { processTree } from './lib/processes.ts';
import { median, quantile } from './lib/statistics.ts';
import { type SwapRow, swapCurves } from './lib/swap-curves.ts';
import { publishUntrained } from './lib/untrained.ts';
import { prepare } from './prepare.mjs';
import { startClients } from './serving/clients.ts';
import { type Server, startStylograph } from './serving/servers.ts';

/**
 * npm run bench:swaps [-- --swaps 1000] [-- --clients 16] [-- --json FILE]
 *
 * Moves an alias between models of the article's size while clients request images of it without pause. There are more
 * models than the inference process keeps, so every swap loads one and unloads one. A swap is complete when the new model
 * has answered a client. Counts failed requests and measures memory. Exit code 1 when a request failed, or when the
 * second half used over 5 % more memory than the first.
 */
const MODELS = 6;
const EVERY = 20;
const GROWTH = 1.05;

function residentMb(server: Server): { api: number; inference: number } {
  const tree = processTree(server.pid);
  const child = tree.find(({ command }) => command.includes(join('children', 'inference')));
  return { api: tree[0]!.residentMb, inference: child?.residentMb ?? Number.NaN };
}

async function pointAt(server: Server, modelId: string): Promise<void> {
  const answer = await fetch(`${server.url}/models/aliases/swapped`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ modelId }),
  });
  if (!answer.ok) throw new Error(`the alias could not be moved: ${await answer.text()}`);
}

async function measure(server: Server, models: string[], swaps: number, connections: number) {
  const rows: SwapRow[] = [];
  const all: number[] = [];
  await pointAt(server, models[0]!);
  const clients = startClients(`${server.url}/generate?label=3&model=swapped`, connections);
  await clients.answeredBy(models[0]!);
  for (let swap = 1; swap <= swaps; swap++) {
    const model = models[swap % models.length]!;
    const start = performance.now();
    await pointAt(server, model);
    await clients.answeredBy(model);
    all.push(performance.now() - start);
    if (swap % EVERY !== 0) continue;
    const { api, inference } = residentMb(server);
    rows.push({
      swap,
      swapMs: Math.round(median(all.slice(-EVERY))),
      requestMs: Number(median(clients.takeTimes()).toFixed(2)),
      apiMb: Math.round(api),
      inferenceMb: Math.round(inference),
      requests: clients.answers,
      failed: clients.failures.length,
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  await clients.stop();
  const sorted = all.sort((a, b) => a - b);
  return {
    rows,
    failures: clients.failures,
    requests: clients.answers,
    swapMs: { p50: Math.round(quantile(sorted, 0.5)), p99: Math.round(quantile(sorted, 0.99)) },
  };
}

await prepare();
const swaps = Number(option('swaps') ?? 1000);
const connections = Number(option('clients') ?? 16);
const dataDir = mkdtempSync(join(tmpdir(), 'stylograph-swaps-'));
try {
  const models = await publishUntrained(dataDir, {
    preset: 'article',
    config: resolveConfig('article'),
    models: MODELS,
  });
  const server = await startStylograph(dataDir);
  const found = await measure(server, models, swaps, connections).finally(() => server.stop());
  const { rows, failures, requests, swapMs } = found;
  const half = Math.ceil(rows.length / 2);
  const memory = (part: SwapRow[]): number =>
    median(part.map(({ apiMb, inferenceMb }) => apiMb + inferenceMb));
  const growth = rows.length < 2 ? 1 : memory(rows.slice(half)) / memory(rows.slice(0, half));
  console.log(
    `${swaps} swaps, ${requests} requests, ${failures.length} failed; a swap takes ${swapMs.p50} ms (p99 ${swapMs.p99}); ` +
      `memory of the second half to the first ${growth.toFixed(3)}`,
  );
  for (const failure of failures.slice(0, 10)) console.log(`  ${failure}`);
  const file = option('json');
  if (file) {
    const machine = { cpu: cpus()[0]?.model, cores: cpus().length };
    const summary = { swaps, connections, requests, failed: failures.length, swapMs, growth };
    writeFileSync(
      file,
      `${JSON.stringify({ measuredAt: new Date().toISOString(), ...machine, ...summary, rows })}\n`,
    );
    writeFileSync(file.replace(/(\.json)?$/, '.svg'), swapCurves(rows));
  }
  if (failures.length > 0 || growth > GROWTH) process.exitCode = 1;
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
