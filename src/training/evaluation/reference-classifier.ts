import type { Dataset, DatasetInfo } from '../../core/contracts/dataset.ts';
import type { FolderStore } from '../../store/index.ts';
import { ImageClassifier, standardise } from './classifier.ts';
import {
  decodeClassifier,
  encodeClassifier,
  type StoredClassifier,
  shippedClassifier,
} from './classifier-file.ts';
import { evaluationObstacle, type ImageSet } from './image-sets.ts';
import type { ImageSize } from './metrics/planes.ts';
import type { OnChunk } from './progress.ts';
import { type ClassifiedImages, type RealImages, realImages } from './scores.ts';
import { type ClassifierPlan, type Round, trainClassifier } from './train-classifier.ts';

/** Classifiers trained here are stored by the digest of their training images. */
const fileOf = (digest: string): string => `classifiers/${digest}.safetensors`;

/** Training images that a classifier may see at MNIST's size. Larger images cost more, so fewer of them. */
const BUDGET = 120_000;
const BUDGET_PIXELS = 28 * 28;
const MOST_PASSES = 60;
/** Steps per pass over a small dataset, so that few images still give many steps. */
const STEPS_PER_PASS = 16;
const BATCH_SIZE = { least: 8, most: 128 };
const PATIENCE = 8;
const SEED = 1;
/** Training progress is logged this long after the start, and after the last log line. */
const LOG_EVERY_MS = 10_000;

/** The classifier that judges images of a dataset, loaded, with the scale of its features. */
export class ReferenceClassifier {
  readonly stored: StoredClassifier;
  readonly #classifier: ImageClassifier;

  constructor(stored: StoredClassifier) {
    this.stored = stored;
    this.#classifier = new ImageClassifier(stored.shape, stored.weights);
  }

  /**
   * Loads a dataset's classifier; undefined where none was trained on exactly this data.
   * @param store where classifiers trained here are kept
   * @throws classifier_unfit, checkpoint_corrupt
   */
  static async open(info: DatasetInfo, store?: FolderStore): Promise<ReferenceClassifier | undefined> {
    const stored = await findClassifier(info, store);
    return stored && new ReferenceClassifier(stored);
  }

  get size(): ImageSize {
    return this.stored.shape;
  }

  async classify({ images, labels }: ImageSet, onChunk?: OnChunk): Promise<ClassifiedImages> {
    const { features, predictions } = await this.#classifier.predict(images, onChunk);
    return { images, labels, features: standardise(features, this.stored.scale), predictions };
  }

  /** Classifies real images that others will be compared with. */
  async classifyReal(set: ImageSet, onChunk?: OnChunk): Promise<RealImages> {
    return realImages(await this.classify(set, onChunk), this.size, this.stored.shape.labels);
  }

  dispose(): void {
    this.#classifier.dispose();
  }
}

/**
 * The classifier of a dataset: the shipped one, or the one trained here; undefined where none was trained on exactly
 * this data.
 * @throws classifier_unfit, checkpoint_corrupt for a shipped one
 */
export async function findClassifier(
  info: Pick<DatasetInfo, 'id' | 'digest' | 'labels'>,
  store: FolderStore | undefined,
): Promise<StoredClassifier | undefined> {
  const shipped = shippedClassifier(info);
  if (shipped !== undefined) return shipped;
  const bytes = await store?.readFile(fileOf(info.digest));
  if (bytes === undefined) return undefined;
  try {
    const classifier = decodeClassifier(bytes);
    const fits = classifier.datasetDigest === info.digest && classifier.shape.labels === info.labels.length;
    return fits ? classifier : undefined;
  } catch {
    return undefined; // A damaged one is retrained.
  }
}

/** More passes over few images, fewer over large ones, and an early end when the accuracy stops improving. */
export function planFor({ info, train }: Pick<Dataset, 'info' | 'train'>): ClassifierPlan {
  const batchSize = Math.min(
    train.count,
    Math.max(BATCH_SIZE.least, Math.min(BATCH_SIZE.most, Math.round(train.count / STEPS_PER_PASS))),
  );
  const pass = Math.floor(train.count / batchSize);
  const images = (BUDGET * BUDGET_PIXELS) / (info.width * info.height);
  const steps = Math.max(1, Math.min(MOST_PASSES * pass, Math.floor(images / batchSize)));
  return { batchSize, steps, round: Math.min(pass, Math.ceil(steps / 10)), seed: SEED, patience: PATIENCE };
}

export interface EnsureOptions {
  store: FolderStore;
  signal?: AbortSignal | undefined;
  log(message: string): Promise<void>;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Trains and stores the classifier of a dataset that has none. @throws `signal`'s reason */
export async function ensureClassifier(
  dataset: Dataset,
  { store, signal, log }: EnsureOptions,
): Promise<void> {
  const { info } = dataset;
  if (evaluationObstacle(dataset.test) !== undefined) return;
  if ((await findClassifier(info, store)) !== undefined) return;
  const plan = planFor(dataset);
  await log(
    `${info.id} has no reference classifier yet. Training one, once, with up to ${plan.steps} steps of ${plan.batchSize} images.`,
  );
  const startedAt = performance.now();
  const afterStep = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  };
  let loggedAt = startedAt;
  const onRound = async ({ steps, validationAccuracy }: Round): Promise<void> => {
    if (performance.now() - loggedAt < LOG_EVERY_MS) return;
    loggedAt = performance.now();
    await log(
      `The reference classifier is at step ${steps} of up to ${plan.steps} and recognises ${percent(validationAccuracy)} of the validation images.`,
    );
  };
  const options = { afterStep, onRound };
  const { weights, scale, testAccuracy, steps } = await trainClassifier(dataset, plan, options);
  const { height, width, channels, labels } = info;
  const shape = { height, width, channels, labels: labels.length };
  const record = { dataset: info.id, datasetDigest: info.digest, testAccuracy, shape };
  await store.writeFile(fileOf(info.digest), encodeClassifier(record, weights, scale));
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  await log(
    `The reference classifier of ${info.id} recognises ${percent(testAccuracy)} of real test images, after ${steps} steps in ${seconds} s.`,
  );
}
