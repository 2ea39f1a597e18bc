import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { processTree } from './lib/processes.ts';
import { ensurePeerEnvironment } from './peers/environment.mjs';
import { prepare } from './prepare.mjs';
import { measureBackground } from './serving/background.ts';
import { compareImages } from './serving/images.ts';
import { applyLoad } from './serving/load.ts';
import { ensureModel, latestModel } from './serving/model.ts';
import { figures, machine, type Outcome, ownLines, type Sample, table } from './serving/report.ts';
import { peerStarters, type Server, startStylograph } from './serving/servers.ts';
import { measureStart } from './serving/start.ts';

/**
 * npm run bench:serve [-- --data DIR] [--rounds 3] [--seconds 6] [--json FILE] [--no-background]
 *
 * Measures `GET /generate` as PNG in Stylograph and its peers. The servers take turns under load on this machine, which
 * also runs the load generator. README.md explains the measurements and keeps results.
 */
const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    json: { type: 'string' },
    'no-background': { type: 'boolean', default: false },
  },
});
const CONNECTIONS = 32;
const WARM_UP_SECONDS = 2;
const SINGLE_SECONDS = 3;
const TRAINING_SECONDS = 15;
/** The benchmark hangs if it takes longer, with any settings. */
const LIMIT_MINUTES = 15;
/** Training iterations when the data folder has no model. */
const ITERATIONS = 20;

const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);

const cpuOf = (tree: { cpuMs: number }[]): number => tree.reduce((sum, { cpuMs }) => sum + cpuMs, 0);

async function measure(server: Server, seconds: number): Promise<Sample> {
  await applyLoad(server.generate, CONNECTIONS, WARM_UP_SECONDS);
  server.resetDelay?.();
  const before = cpuOf(processTree(server.pid));
  const busy = await applyLoad(server.generate, CONNECTIONS, seconds);
  const delay = await server.readDelay?.();
  const tree = processTree(server.pid);
  const cpuMs = (cpuOf(tree) - before) / busy.answers;
  const residentMb = tree.reduce((sum, process) => sum + process.residentMb, 0);
  const inference = tree.find(({ command }) => /children[/\\]inference/.test(command));
  // Wait for the work that the load left behind.
  await sleep(500);
  const single = await applyLoad(server.generate, 1, SINGLE_SECONDS);
  return {
    busy,
    single,
    cpuMs,
    residentMb,
    ...(delay && inference
      ? { delay, parts: { apiMb: tree[0]!.residentMb, inferenceMb: inference.residentMb } }
      : {}),
  };
}

const stopAll = async (servers: Server[]): Promise<void> => {
  await Promise.all(servers.map((server) => server.stop()));
};

async function main(): Promise<void> {
  const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)];
  await prepare();
  const python = await ensurePeerEnvironment();
  const dataDir = options.data ?? mkdtempSync(join(tmpdir(), 'stylograph-bench-'));
  const servers: Server[] = [];
  const giveUp = (): void => void stopAll(servers).then(() => process.exit(1));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, giveUp);
  setTimeout(() => {
    say(`not finished after ${LIMIT_MINUTES} minutes; stopping`);
    giveUp();
  }, LIMIT_MINUTES * 60_000).unref();
  try {
    const own = await startStylograph(dataDir);
    servers.push(own);
    say('training a model briefly if there is none ...');
    await ensureModel(own, ITERATIONS);
    const model = await latestModel(own, dataDir);
    for (const start of peerStarters(python, model.weights)) servers.push(await start());
    const difference = await compareImages(servers, model.latentDim);
    say(`all servers generate the same images (levels differ by at most ${difference})`);

    const outcome: Outcome = {
      machine: machine(),
      date: new Date().toISOString(),
      samples: {},
      background: null,
      start: null,
    };
    for (let round = 1; round <= rounds; round++) {
      for (const server of servers) {
        const sample = await measure(server, seconds);
        outcome.samples[server.name] = [...(outcome.samples[server.name] ?? []), sample];
        say(
          `round ${round}, ${server.name}: ${sample.busy.perSecond.toFixed(0)} requests/s, p99 ${sample.busy.p99.toFixed(1)} ms`,
        );
      }
    }
    for (const peer of servers.splice(1)) await peer.stop();
    if (!options['no-background']) outcome.background = await measureBackground(own, TRAINING_SECONDS);
    await servers.pop()!.stop();
    outcome.start = await measureStart(dataDir);

    console.log(`\n${outcome.machine}, ${outcome.date.slice(0, 10)}\n\n${table(outcome)}\n`);
    for (const line of ownLines(outcome)) console.log(`- ${line}`);
    if (options.json !== undefined) {
      writeFileSync(options.json, `${JSON.stringify({ ...outcome, figures: figures(outcome) }, null, 2)}\n`);
    }
  } finally {
    await stopAll(servers);
    if (options.data === undefined) rmSync(dataDir, { recursive: true, force: true });
  }
}

await main();
