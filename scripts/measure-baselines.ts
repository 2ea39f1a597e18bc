import { parseArgs } from 'node:util';
import { EVALUATION_SAMPLES } from '../src/core/contracts/evaluation.ts';
import { loadDataset } from '../src/data/datasets.ts';
import {
  type Baseline,
  measureBaseline,
  shippedBaselinesFile,
  writeBaselines,
} from '../src/training/evaluation/baselines.ts';
import { inEvaluationOrder } from '../src/training/evaluation/image-sets.ts';
import { ReferenceClassifier } from '../src/training/evaluation/reference-classifier.ts';

/**
 * Measures the baselines of a shipped classifier and stores them beside it, so that a first run need not:
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
const judge = await ReferenceClassifier.open(dataset.info);
if (!judge)
  throw new Error(`No classifier is shipped for this ${id}. Run scripts/train-classifier.ts first.`);
const real = await judge.classifyReal(dataset.test);
const measured: Baseline[] = [];
for (const samples of values.samples.split(',').map(Number)) {
  const baseline = await measureBaseline(judge, dataset, real, samples);
  measured.push(baseline);
  await writeBaselines(shippedBaselinesFile(id), measured);
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
