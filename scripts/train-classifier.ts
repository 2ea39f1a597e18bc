import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadDataset } from '../src/data/datasets.ts';
import { FEATURES } from '../src/training/evaluation/classifier.ts';
import {
  decodeClassifier,
  encodeClassifier,
  shippedClassifierFile,
} from '../src/training/evaluation/classifier-file.ts';
import { trainClassifier } from '../src/training/evaluation/train-classifier.ts';

/**
 * Trains the reference classifier of a dataset on its training split and writes it to classifiers/, from where
 * evaluations load it: node --import tsx scripts/train-classifier.ts mnist
 * Deterministic: the same seed on the same machine and build gives the same bytes.
 */
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    'data-dir': { type: 'string', default: process.env.DATA_DIR ?? 'data' },
  },
});
const [id = 'mnist'] = positionals;
const [epochs, seed] = [Number(options.epochs), Number(options.seed)];

const BATCH = 128;

const dataset = await loadDataset(id, options['data-dir']);
const { height, width, channels, labels } = dataset.info;
const shape = { height, width, channels, labels: labels.length };
const round = Math.floor(dataset.train.count / BATCH);
const startedAt = performance.now();
const plan = { batchSize: BATCH, steps: epochs * round, round, seed };
const { weights, scale, testAccuracy } = await trainClassifier(dataset, plan, {
  onRound: ({ steps, loss, validationAccuracy }) => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(
      `epoch ${steps / round}: loss ${loss.toFixed(4)}, ` +
        `validation accuracy ${(100 * validationAccuracy).toFixed(2)} %, ${seconds} s`,
    );
  },
});
const constant = scale.deviation.filter((deviation) => deviation < 1e-6).length;
console.log(
  `test accuracy ${(100 * testAccuracy).toFixed(2)} %, ${constant} of ${FEATURES} features are constant`,
);

const record = { dataset: id, datasetDigest: dataset.info.digest, testAccuracy, shape };
const bytes = encodeClassifier(record, weights, scale);
// It refuses a classifier that is not accurate enough, as an evaluation would.
const { digest } = decodeClassifier(bytes);
writeFileSync(shippedClassifierFile(id), bytes);
console.log(`${shippedClassifierFile(id)}: ${Math.round(bytes.length / 1024)} KB, digest ${digest}`);
