import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { tf } from '../src/engine/index.ts';
import { articleTrainer, goOn } from './lib/article.ts';
import { option } from './lib/option.ts';
import { type SoakRow, soakCurves } from './lib/soak-curves.ts';
import { median } from './lib/statistics.ts';

/**
 * npm run bench:soak [-- --iterations 5000] [-- --json FILE]
 *
 * Checks that the costs of training do not grow: wall and CPU milliseconds per iteration, resident memory and tensors, one
 * row per hundred iterations. Compares the last row with the first. Writes the curves as an SVG beside FILE.
 */
const EVERY = 100;
const iterations = Number(option('iterations') ?? 5000);
const trainer = await articleTrainer();
const rows: SoakRow[] = [];
let walls: number[] = [];
let cpu: number[] = [];
for (let i = 1; i <= iterations; i++) {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await trainer.iterate(goOn);
  walls.push(performance.now() - start);
  const { user, system } = process.cpuUsage(cpuBefore);
  cpu.push((user + system) / 1000);
  // A run gives the event loop a turn after every step.
  await new Promise((resolve) => setImmediate(resolve));
  if (i % EVERY !== 0) continue;
  rows.push({
    iteration: i,
    ms: Number(median(walls).toFixed(1)),
    cpuMs: Number(median(cpu).toFixed(1)),
    rssMegabytes: Number((process.memoryUsage.rss() / 1e6).toFixed(1)),
    tensors: tf.memory().numTensors,
  });
  walls = [];
  cpu = [];
  console.log(JSON.stringify(rows.at(-1)));
}
trainer.dispose();
const [first, last] = [rows[0]!, rows.at(-1)!];
const ratio = (key: 'ms' | 'cpuMs' | 'rssMegabytes' | 'tensors'): string =>
  (last[key] / first[key]).toFixed(3);
console.log(
  `Last to first: wall ${ratio('ms')}, CPU ${ratio('cpuMs')}, memory ${ratio('rssMegabytes')}, tensors ${ratio('tensors')}`,
);
const file = option('json');
if (file) {
  const report = {
    measuredAt: new Date().toISOString(),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    every: EVERY,
    rows,
  };
  writeFileSync(file, `${JSON.stringify(report)}\n`);
  writeFileSync(file.replace(/(\.json)?$/, '.svg'), soakCurves(rows));
}
