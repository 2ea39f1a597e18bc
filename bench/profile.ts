import { tf } from '../src/engine/index.ts';
import { articleTrainer, goOn, option } from './lib/article.ts';

/**
 * npm run bench:profile [-- --iterations 10] [-- --rows 30]
 *
 * Where an iteration of the article spends its time, by op and shapes. Ops run one after another, so their wall times add up;
 * what is missing to the total is JavaScript.
 */
const iterations = Number(option('iterations') ?? 10);
const rows = Number(option('rows') ?? 30);

interface Backend {
  executeSingleOutput(name: string, attributes: unknown, inputs: { shape: number[] }[]): unknown;
  executeMultipleOutputs(
    name: string,
    attributes: unknown,
    inputs: { shape: number[] }[],
    count: number,
  ): unknown;
}
const spent = new Map<string, { calls: number; wall: number; cpu: number }>();

/** Times each op that goes through the backend. */
function observe(backend: Backend): void {
  for (const method of ['executeSingleOutput', 'executeMultipleOutputs'] as const) {
    const plain = backend[method].bind(backend) as (...args: unknown[]) => unknown;
    backend[method] = (
      name: string,
      attributes: unknown,
      inputs: { shape: number[] }[],
      ...rest: number[]
    ) => {
      const key = `${name} ${inputs.map(({ shape }) => `[${shape.join('×')}]`).join(' ')}`;
      const entry = spent.get(key) ?? { calls: 0, wall: 0, cpu: 0 };
      spent.set(key, entry);
      const cpuBefore = process.cpuUsage();
      const start = performance.now();
      const result = plain(name, attributes, inputs, ...rest);
      entry.wall += performance.now() - start;
      const { user, system } = process.cpuUsage(cpuBefore);
      entry.cpu += (user + system) / 1000;
      entry.calls += 1;
      return result;
    };
  }
}

const trainer = await articleTrainer();
observe(tf.backend() as unknown as Backend);
const start = performance.now();
for (let i = 0; i < iterations; i++) await trainer.iterate(goOn);
const total = (performance.now() - start) / iterations;

const each = (value: number): number => value / iterations;
const ops = [...spent].sort(([, a], [, b]) => b.wall - a.wall);
const inOps = each(ops.reduce((sum, [, { wall }]) => sum + wall, 0));
const calls = each(ops.reduce((sum, [, entry]) => sum + entry.calls, 0));
console.log(
  `An iteration: ${total.toFixed(1)} ms, of which ${inOps.toFixed(1)} ms in ${calls.toFixed(0)} ops. By op:\n`,
);
console.log('     ms  cpu ms  calls  op and its inputs');
for (const [key, { calls, wall, cpu }] of ops.slice(0, rows)) {
  const columns = [
    each(wall).toFixed(2).padStart(7),
    each(cpu).toFixed(2).padStart(7),
    each(calls).toFixed(0).padStart(6),
  ];
  console.log(`${columns.join(' ')}  ${key.slice(0, 120)}`);
}
trainer.dispose();
