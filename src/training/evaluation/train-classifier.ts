import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import type { NamedWeights } from '../../core/contracts/model.ts';
import { BatchStream } from '../../data/batches.ts';
import { StepRandom, tf } from '../../engine/index.ts';
import { disposeWeights, exportWeights, initWeights, type Weights } from '../../model/weights.ts';
import {
  type ClassifierShape,
  classifierSpecs,
  classify,
  FEATURES,
  type FeatureScale,
  featureScale,
  ImageClassifier,
} from './classifier.ts';

/** Adam's initial learning rate, which decays to zero along a half cosine. */
const RATE = 1.5e-3;
/** Decay of the moving average of the weights. The trained classifier consists of these averages. */
const AVERAGING = 0.995;

export interface ClassifierPlan {
  batchSize: number;
  /** At most; fewer if it stops early. */
  steps: number;
  /** Steps between two measurements of the validation accuracy. */
  round: number;
  seed: number;
  /**
   * Training stops early after this many rounds without an improvement, and the best weights are kept. Without it the
   * last weights are kept.
   */
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
  scale: FeatureScale;
  testAccuracy: number;
  /** Steps that were taken. */
  steps: number;
}

export interface TrainClassifierOptions {
  /** Awaited after each step; may throw to stop. */
  afterStep?(): Promise<void>;
  onRound?(round: Round): void | Promise<void>;
}

/**
 * Trains a reference classifier on the training split. Deterministic: the same images, plan, machine and build give the
 * same weights.
 */
export async function trainClassifier(
  dataset: Dataset,
  plan: ClassifierPlan,
  { afterStep = async () => undefined, onRound }: TrainClassifierOptions = {},
): Promise<TrainedClassifier> {
  const { height, width, channels, labels } = dataset.info;
  const shape = { height, width, channels, labels: labels.length };
  const pixels = height * width * channels;
  const batches = new BatchStream(dataset.train, { batchSize: plan.batchSize, seed: plan.seed, pixels });
  const training = new ClassifierTraining(shape, plan);
  let best: { accuracy: number; weights: NamedWeights[] } | undefined;
  let [lossSum, roundsSinceBest, step] = [0, 0, 0];
  try {
    while (step < plan.steps && roundsSinceBest < (plan.patience ?? Number.POSITIVE_INFINITY)) {
      const batch = batches.next();
      lossSum += training.step(batch.images, batch.labels, step++);
      await afterStep();
      if (step % plan.round !== 0 && step !== plan.steps) continue;
      const weights = training.export();
      const accuracy = await accuracyOf(shape, weights, dataset.validation);
      await onRound?.({ steps: step, loss: lossSum / plan.round, validationAccuracy: accuracy });
      const isBetter = best === undefined || plan.patience === undefined || accuracy > best.accuracy;
      roundsSinceBest = isBetter ? 0 : roundsSinceBest + 1;
      if (isBetter) best = { accuracy, weights };
      lossSum = 0;
    }
  } finally {
    training.dispose();
  }
  return { ...(await finished(shape, best!.weights, dataset)), steps: step };
}

async function finished(shape: ClassifierShape, weights: NamedWeights[], { train, test }: Dataset) {
  const classifier = new ImageClassifier(shape, weights);
  try {
    const testAccuracy = await shareRecognised(classifier, test);
    const { features } = await classifier.predict(train.images);
    return { weights, scale: featureScale(features, FEATURES), testAccuracy };
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
    return await shareRecognised(classifier, images);
  } finally {
    classifier.dispose();
  }
}

async function shareRecognised(
  classifier: ImageClassifier,
  { images, labels, count }: LabelledImages,
): Promise<number> {
  const { predictions } = await classifier.predict(images);
  return predictions.filter((label, i) => label === labels[i]).length / count;
}

/** Weights during training, and their moving average. */
class ClassifierTraining {
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
  step(images: Uint8Array, labels: Uint8Array, number: number): number {
    const { height, width, channels, labels: labelCount } = this.#shape;
    const { seed, steps } = this.#plan;
    const loss = tf.tidy(() => {
      const x = tf.tensor4d(
        Float32Array.from(images, (byte) => byte / 255),
        [labels.length, height, width, channels],
      );
      const y = tf.oneHot(tf.tensor1d(labels, 'int32'), labelCount);
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
