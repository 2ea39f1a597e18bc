import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { tf } from '../src/engine/index.ts';
import { articleTrainer, goOn, median, option } from './lib/article.ts';
import { type SoakRow, soakCurves } from './lib/soak-curves.ts';

/**
 * npm run bench:soak [-- --iterations 5000] [-- --json FILE]
 *
 * Costs that must not grow: milliseconds an iteration (wall, and of the processors), resident memory and tensors of a training
 * process, a row every hundred iterations. The comparison at the end is of the first row with the last. Beside FILE its curves are
 * drawn as an SVG.
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
  `Last to first: wall ${ratio('ms')}, processors ${ratio('cpuMs')}, memory ${ratio('rssMegabytes')}, tensors ${ratio('tensors')}`,
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
