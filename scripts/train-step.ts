import { resolveConfig } from '../src/core/contracts/presets.ts';
import { loadDataset } from '../src/data/datasets.ts';
import { device } from '../src/engine/index.ts';
import { train } from '../src/training/loop.ts';

/**
 * Trains the first iterations of the article on MNIST, by default one, and prints their losses. This is the smallest
 * test that a Node version works and that other kernels compute the same results.
 */
const iterations = Number(process.argv[2] ?? 1);
const config = resolveConfig('article', { iterations, batchSize: 8, metricsEvery: 1 });
const dataset = await loadDataset('mnist', process.env.DATA_DIR ?? 'data');
for await (const event of train({ config, dataset, seed: 1, signal: new AbortController().signal })) {
  if (event.type !== 'metrics') continue;
  console.log(`Node ${process.version}, ${device}: ${JSON.stringify(event.values)}`);
  if (Object.values(event.values).some((value) => value === null)) process.exitCode = 1;
}
