import { parseArgs } from 'node:util';
import { EVALUATION_SAMPLES } from '../src/core/contracts/evaluation.ts';
import { loadDataset } from '../src/data/datasets.ts';
import { ModelRegistry, openFolderStore } from '../src/store/index.ts';
import { evaluateModel } from '../src/training/evaluation/evaluate.ts';

/**
 * Evaluates a stored model and optionally exports the scored images:
 * node --import tsx scripts/evaluate-model.ts latest --data-dir data --samples 2000 --export scored
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    'data-dir': { type: 'string', default: process.env.DATA_DIR ?? 'data' },
    samples: { type: 'string', default: String(EVALUATION_SAMPLES.full) },
    export: { type: 'string' },
  },
});
const registry = new ModelRegistry(await openFolderStore(values['data-dir']));
const record = await registry.record(positionals[0] ?? 'latest');
const evaluation = await evaluateModel({
  record,
  weights: await registry.readWeights(record.id),
  dataset: await loadDataset(record.dataset, values['data-dir']),
  dataDir: values['data-dir'],
  samples: Number(values.samples),
  ...(values.export === undefined ? {} : { exportTo: values.export }),
});
console.log(JSON.stringify(evaluation, null, 2));
