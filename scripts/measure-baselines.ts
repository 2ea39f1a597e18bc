import { parseArgs } from 'node:util';
import { EVALUATION_SAMPLES } from '../src/core/contracts/evaluation.ts';
import { loadDataset } from '../src/data/datasets.ts';
import { Judge } from '../src/training/evaluation/judge.ts';
import { inEvaluationOrder } from '../src/training/evaluation/order.ts';
import {
  type Baseline,
  baselinesFile,
  measureBaseline,
  writeBaselines,
} from '../src/training/evaluation/self-tests.ts';

/**
 * Measures the self-tests of a shipped classifier and stores them beside it, so that a first run need not:
 * node --import tsx scripts/measure-baselines.ts mnist
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    'data-dir': { type: 'string', default: process.env.DATA_DIR ?? 'data' },
    samples: { type: 'string', default: `${EVALUATION_SAMPLES.short},${EVALUATION_SAMPLES.full}` },
  },
});
const [id = 'mnist'] = positionals;
const dataset = inEvaluationOrder(await loadDataset(id, values['data-dir']));
const judge = await Judge.of(dataset.info);
if (!judge)
  throw new Error(`No classifier is shipped for this ${id}; run scripts/train-classifier.ts first.`);
const yardstick = await judge.yardstick(dataset.test);
const measured: Baseline[] = [];
for (const samples of values.samples.split(',').map(Number)) {
  const baseline = await measureBaseline(judge, dataset, yardstick, samples);
  measured.push(baseline);
  await writeBaselines(baselinesFile(id), measured);
  console.log(`${samples} images; test to training ${baseline.testToTraining.toFixed(3)}`);
  console.table(
    Object.fromEntries(
      Object.entries(baseline.selfTests).map(([name, scores]) => [
        name,
        Object.fromEntries(
          Object.entries(scores).map(([metric, value]) => [metric, Number(value.toPrecision(3))]),
        ),
      ]),
    ),
  );
}
judge.dispose();
