import { resolveConfig } from '../src/contracts/presets.ts';
import { loadDataset } from '../src/data/index.ts';
import { device } from '../src/engine/index.ts';
import { train } from '../src/training/loop.ts';

/** Loads the engine and trains one iteration of the article on MNIST: the smallest proof that a Node version works. */
const config = resolveConfig('article', { iterations: 1, batchSize: 8 });
const dataset = await loadDataset('mnist', process.env.DATA_DIR ?? 'data');
for await (const event of train({ config, dataset, seed: 1, signal: new AbortController().signal })) {
  if (event.type !== 'metrics') continue;
  console.log(`Node ${process.version}, ${device}: ${JSON.stringify(event.values)}`);
  if (Object.values(event.values).some((value) => value === null)) process.exitCode = 1;
}
