import { tf } from '../src/engine/index.ts';
import { articleTrainer, goOn } from './lib/article.ts';
import { option } from './lib/option.ts';

/**
 * npm run bench:profile [-- --iterations 10] [-- --rows 30]
 *
 * Lists where an iteration of the article preset spends its time, by op and input shapes. Ops run one after another, so
 * their wall times add up; JavaScript takes the rest of the total.
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

/** TensorFlow's own backend has these methods, which its types do not declare. */
function executesOps(backend: object): backend is Backend {
  return 'executeSingleOutput' in backend && 'executeMultipleOutputs' in backend;
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
const backend = tf.backend();
if (!executesOps(backend)) throw new Error('The backend is not that of tfjs-node.');
observe(backend);
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
console.log('     ms  cpu ms  calls  op and inputs');
for (const [key, { calls, wall, cpu }] of ops.slice(0, rows)) {
  const columns = [
    each(wall).toFixed(2).padStart(7),
    each(cpu).toFixed(2).padStart(7),
    each(calls).toFixed(0).padStart(6),
  ];
  console.log(`${columns.join(' ')}  ${key.slice(0, 120)}`);
}
trainer.dispose();
