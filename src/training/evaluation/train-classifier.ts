import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import type { NamedWeights } from '../../core/contracts/model.ts';
import { BatchStream } from '../../data/batches.ts';
import { StepRandom, tf } from '../../engine/index.ts';
import { disposeWeights, exportWeights, initWeights, type Weights } from '../../model/weights.ts';
import { type ClassifierShape, classifierSpecs, classify, FEATURES, ImageClassifier } from './classifier.ts';
import { type Standard, standardOf } from './features.ts';

/** Adam's rate at the start; it falls along a half cosine to zero. */
const RATE = 1.5e-3;
/** Decay of the average of the weights, which is what is kept. */
const AVERAGING = 0.995;

export interface ClassifierPlan {
  batchSize: number;
  /** All of them, unless it ends early. */
  steps: number;
  /** Steps after which it is tried on validation images. */
  round: number;
  seed: number;
  /** Rounds without a better one after which it ends, and the best is kept; without it the last one is. */
  patience?: number;
}

export interface Round {
  steps: number;
  /** Mean over the round. */
  loss: number;
  validationAccuracy: number;
}

export interface TrainedClassifier {
  weights: NamedWeights[];
  standard: Standard;
  testAccuracy: number;
  /** Steps that were taken. */
  steps: number;
}

export interface TrainClassifierOptions {
  /** Called between steps; may throw to stop. */
  between?(): Promise<void>;
  onRound?(round: Round): void | Promise<void>;
}

/**
 * Trains a reference classifier on the training split. Deterministic: the same images, plan, machine and build give the
 * same weights.
 */
export async function trainClassifier(
  dataset: Dataset,
  plan: ClassifierPlan,
  { between = async () => undefined, onRound }: TrainClassifierOptions = {},
): Promise<TrainedClassifier> {
  const { height, width, channels, labels } = dataset.info;
  const shape = { height, width, channels, labels: labels.length };
  const pixels = height * width * channels;
  const batches = new BatchStream(dataset.train, { batchSize: plan.batchSize, seed: plan.seed, pixels });
  const student = new Student(shape, plan);
  let best: { accuracy: number; weights: NamedWeights[] } | undefined;
  let [sum, since, step] = [0, 0, 0];
  try {
    while (step < plan.steps && since < (plan.patience ?? Number.POSITIVE_INFINITY)) {
      const { images, labels: answers } = batches.next();
      sum += student.step(images, answers, step++);
      await between();
      if (step % plan.round !== 0 && step !== plan.steps) continue;
      const weights = student.export();
      const accuracy = await accuracyOf(shape, weights, dataset.validation);
      await onRound?.({ steps: step, loss: sum / plan.round, validationAccuracy: accuracy });
      const isBetter = best === undefined || plan.patience === undefined || accuracy > best.accuracy;
      since = isBetter ? 0 : since + 1;
      if (isBetter) best = { accuracy, weights };
      sum = 0;
    }
  } finally {
    student.dispose();
  }
  return { ...(await finished(shape, best!.weights, dataset)), steps: step };
}

async function finished(shape: ClassifierShape, weights: NamedWeights[], { train, test }: Dataset) {
  const classifier = new ImageClassifier(shape, weights);
  try {
    const testAccuracy = await rightShare(classifier, test);
    const standard = standardOf((await classifier.look(train.images)).values, FEATURES);
    return { weights, standard, testAccuracy };
  } finally {
    classifier.dispose();
  }
}

async function accuracyOf(
  shape: ClassifierShape,
  weights: NamedWeights[],
  images: LabelledImages,
): Promise<number> {
  const classifier = new ImageClassifier(shape, weights);
  try {
    return await rightShare(classifier, images);
  } finally {
    classifier.dispose();
  }
}

async function rightShare(
  classifier: ImageClassifier,
  { images, labels, count }: LabelledImages,
): Promise<number> {
  const { predictions } = await classifier.look(images);
  return predictions.filter((label, i) => label === labels[i]).length / count;
}

/** Weights while they are trained, and their average. */
class Student {
  readonly #shape: ClassifierShape;
  readonly #plan: ClassifierPlan;
  readonly #weights: Weights;
  readonly #averages: Weights;
  readonly #optimizer = tf.train.adam(RATE);

  constructor(shape: ClassifierShape, plan: ClassifierPlan) {
    this.#shape = shape;
    this.#plan = plan;
    const initial = initWeights(classifierSpecs(shape), new StepRandom(plan.seed, 'weights', 0));
    this.#weights = new Map([...initial].map(([name, tensor]) => [name, tf.variable(tensor, true)]));
    this.#averages = new Map([...this.#weights].map(([name, tensor]) => [name, tf.keep(tensor.clone())]));
    disposeWeights(initial);
  }

  /** @returns the loss, mean softmax cross-entropy */
  step(images: Uint8Array, answers: Uint8Array, number: number): number {
    const { height, width, channels, labels } = this.#shape;
    const { seed, steps } = this.#plan;
    const loss = tf.tidy(() => {
      const x = tf.tensor4d(
        Float32Array.from(images, (byte) => byte / 255),
        [answers.length, height, width, channels],
      );
      const y = tf.oneHot(tf.tensor1d(answers, 'int32'), labels);
      const variables = [...this.#weights.values()] as ReturnType<typeof tf.variable>[];
      const { value, grads } = tf.variableGrads(() => {
        const { logits } = classify(this.#weights, x, new StepRandom(seed, 'steps', number));
        return tf.losses.softmaxCrossEntropy(y, logits);
      }, variables);
      Object.assign(this.#optimizer, {
        learningRate: RATE * 0.5 * (1 + Math.cos((Math.PI * number) / steps)),
      });
      this.#optimizer.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
      return value.dataSync()[0]!;
    });
    this.#average(Math.min(AVERAGING, (1 + number) / (10 + number)));
    return loss;
  }

  #average(decay: number): void {
    for (const [name, old] of this.#averages) {
      const next = tf.tidy(() => old.mul(decay).add(this.#weights.get(name)!.mul(1 - decay)));
      this.#averages.set(name, tf.keep(next));
      old.dispose();
    }
  }

  export(): NamedWeights[] {
    return exportWeights(this.#averages);
  }

  dispose(): void {
    disposeWeights(this.#averages);
    disposeWeights(this.#weights);
    this.#optimizer.dispose();
  }
}
