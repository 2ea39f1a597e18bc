import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BatchStream } from '../src/data/batches.ts';
import { loadDataset } from '../src/data/index.ts';
import { StepRandom, tf } from '../src/engine/index.ts';
import { classifierSpecs, classify, FEATURES, ImageClassifier } from '../src/evaluation/classifier.ts';
import { standardOf } from '../src/evaluation/features.ts';
import { classifierFile, describeClassifier, encodeClassifier } from '../src/evaluation/shipped.ts';
import { disposeWeights, exportWeights, initWeights, type Weights } from '../src/model/weights.ts';

/**
 * Trains the reference classifier of a dataset on its training split and writes it to classifiers/, where the
 * evaluation finds it: node --import tsx scripts/train-classifier.ts mnist
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
/** Adam's rate at the start; it falls along a half cosine to zero. */
const RATE = 1.5e-3;
/** Decay of the average of the weights, which is what is kept. */
const AVERAGING = 0.995;

const dataset = await loadDataset(id, options['data-dir']);
const { height, width, channels, labels } = dataset.info;
const shape = { height, width, channels, labels: labels.length };
const pixels = height * width * channels;
const specs = classifierSpecs(shape);
const initial = initWeights(specs, new StepRandom(seed, 'weights', 0));
const weights: Weights = new Map(
  [...initial].map(([name, tensor]) => [name, tf.variable(tensor, true, name)]),
);
const averages: Weights = new Map([...weights].map(([name, tensor]) => [name, tf.keep(tensor.clone())]));
const optimizer = tf.train.adam(RATE);

function step(images: Uint8Array, answers: Uint8Array, rate: number, number: number): number {
  return tf.tidy(() => {
    const x = tf.tensor4d(
      Float32Array.from(images, (byte) => byte / 255),
      [answers.length, height, width, channels],
    );
    const y = tf.oneHot(tf.tensor1d(answers, 'int32'), labels.length);
    const { value, grads } = tf.variableGrads(() => {
      const { logits } = classify(weights, x, new StepRandom(seed, 'steps', number));
      return tf.losses.softmaxCrossEntropy(y, logits);
    });
    Object.assign(optimizer, { learningRate: rate });
    optimizer.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
    return value.dataSync()[0]!;
  });
}

function average(decay: number): void {
  for (const [name, old] of averages) {
    averages.set(name, tf.keep(tf.tidy(() => old.mul(decay).add(weights.get(name)!.mul(1 - decay)))));
    old.dispose();
  }
}

async function accuracy(of: ImageClassifier, split: typeof dataset.test): Promise<number> {
  const { predictions } = await of.look(split.images);
  return predictions.filter((label, i) => label === split.labels[i]).length / split.count;
}

const batches = new BatchStream(dataset.train, { batchSize: BATCH, seed, pixels });
const steps = epochs * batches.batchesPerPass;
const startedAt = performance.now();
let sum = 0;
for (let number = 0; number < steps; number++) {
  const { images, labels: answers } = batches.next();
  const rate = RATE * 0.5 * (1 + Math.cos((Math.PI * number) / steps));
  sum += step(images, answers, rate, number);
  if ((number + 1) % 100 === 0) console.log(`${number + 1} of ${steps} steps`);
  average(Math.min(AVERAGING, (1 + number) / (10 + number)));
  if ((number + 1) % batches.batchesPerPass === 0) {
    const current = new ImageClassifier(shape, exportWeights(averages));
    const right = await accuracy(current, dataset.validation);
    current.dispose();
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(
      `epoch ${(number + 1) / batches.batchesPerPass}: loss ${(sum / batches.batchesPerPass).toFixed(4)}, ` +
        `validation accuracy ${(100 * right).toFixed(2)} %, ${seconds} s`,
    );
    sum = 0;
  }
}

const trained = exportWeights(averages);
const final = new ImageClassifier(shape, trained);
const testAccuracy = await accuracy(final, dataset.test);
const standard = standardOf((await final.look(dataset.train.images)).values, FEATURES);
final.dispose();
disposeWeights(averages);
const flat = standard.deviation.filter((deviation) => deviation < 1e-6).length;
console.log(`test accuracy ${(100 * testAccuracy).toFixed(2)} %, ${flat} of ${FEATURES} features never move`);

const record = { dataset: id, datasetDigest: dataset.info.digest, testAccuracy, shape };
const bytes = encodeClassifier(record, trained, standard);
// Refuses one below the bar, as the evaluation would.
const { digest } = describeClassifier(bytes);
writeFileSync(classifierFile(id), bytes);
console.log(`${classifierFile(id)}: ${Math.round(bytes.length / 1024)} KB, digest ${digest}`);
