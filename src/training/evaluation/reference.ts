import type { Dataset, DatasetInfo } from '../../core/contracts/dataset.ts';
import type { RunEventBody } from '../../core/contracts/run.ts';
import type { FolderStore } from '../../store/index.ts';
import {
  describeClassifier,
  encodeClassifier,
  type ShippedClassifier,
  shippedClassifier,
} from './shipped.ts';
import { type ClassifierPlan, type Round, trainClassifier } from './train-classifier.ts';

/** By the digest of the images it was trained on. */
const fileOf = (digest: string): string => `classifiers/${digest}.safetensors`;

/** Images that a classifier may look at while it is trained, if they have MNIST's size; larger ones cost more and are fewer. */
const BUDGET = 120_000;
const BUDGET_PIXELS = 28 * 28;
const MOST_PASSES = 60;
/** Steps of a pass over few images, so that few images give many steps. */
const STEPS_OF_A_PASS = 16;
const BATCHES = { least: 8, most: 128 };
const PATIENCE = 8;
const SEED = 1;
/** How long after the start, and after the last that was told, a round is told. */
const TELL_EVERY_MS = 10_000;
/** Test images below which no score means anything. */
const LEAST_IMAGES = 20;

/** Why models of a dataset cannot be judged whatever is done; undefined where they can. */
export function unjudgeable({ test }: Pick<Dataset, 'test'>): string | undefined {
  if (test.count < LEAST_IMAGES) {
    return `it has ${test.count} test images, and fewer than ${LEAST_IMAGES} say nothing`;
  }
  return hasPairs(test.labels) ? undefined : 'it has no label with two test images';
}

/** Whether any label is there twice, so that its images can differ. */
export const hasPairs = (labels: Uint8Array): boolean => new Set(labels).size < labels.length;

/**
 * The classifier that judges images of a dataset: the shipped one, else the one that was trained here; undefined where
 * none was trained on just this data.
 * @throws classifier_unfit, checkpoint_corrupt for a shipped one
 */
export async function findClassifier(
  info: Pick<DatasetInfo, 'id' | 'digest' | 'labels'>,
  store: FolderStore | undefined,
): Promise<ShippedClassifier | undefined> {
  const shipped = shippedClassifier(info);
  if (shipped !== undefined) return shipped;
  const bytes = await store?.readFile(fileOf(info.digest));
  if (bytes === undefined) return undefined;
  try {
    const classifier = describeClassifier(bytes);
    const fits = classifier.datasetDigest === info.digest && classifier.shape.labels === info.labels.length;
    return fits ? classifier : undefined;
  } catch {
    return undefined; // A damaged one is trained anew.
  }
}

/** How it is trained: more passes over few images, fewer over large ones, and an end when it gets no better. */
export function planFor({ info, train }: Pick<Dataset, 'info' | 'train'>): ClassifierPlan {
  const batchSize = Math.min(
    train.count,
    Math.max(BATCHES.least, Math.min(BATCHES.most, Math.round(train.count / STEPS_OF_A_PASS))),
  );
  const pass = Math.floor(train.count / batchSize);
  const images = (BUDGET * BUDGET_PIXELS) / (info.width * info.height);
  const steps = Math.max(1, Math.min(MOST_PASSES * pass, Math.floor(images / batchSize)));
  return { batchSize, steps, round: Math.min(pass, Math.ceil(steps / 10)), seed: SEED, patience: PATIENCE };
}

export interface EnsureOptions {
  store: FolderStore;
  signal?: AbortSignal | undefined;
  tell(body: RunEventBody): Promise<void>;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Trains the classifier of a dataset that has none, and keeps it. @throws `signal`'s reason */
export async function ensureClassifier(
  dataset: Dataset,
  { store, signal, tell }: EnsureOptions,
): Promise<void> {
  const { info } = dataset;
  if (unjudgeable(dataset) !== undefined || (await findClassifier(info, store)) !== undefined) return;
  const log = (message: string) => tell({ type: 'log', data: { level: 'info', message } });
  const plan = planFor(dataset);
  await log(
    `No reference classifier knows ${info.id} yet: one is trained now, once, with up to ${plan.steps} steps of ${plan.batchSize} images.`,
  );
  const startedAt = performance.now();
  const between = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  };
  let toldAt = startedAt;
  const onRound = async ({ steps, validationAccuracy }: Round): Promise<void> => {
    if (performance.now() - toldAt < TELL_EVERY_MS) return;
    toldAt = performance.now();
    await log(
      `The reference classifier has taken ${steps} of up to ${plan.steps} steps; it is right about ${percent(validationAccuracy)} of the validation images.`,
    );
  };
  const options = { between, onRound };
  const { weights, standard, testAccuracy, steps } = await trainClassifier(dataset, plan, options);
  const { height, width, channels, labels } = info;
  const shape = { height, width, channels, labels: labels.length };
  const record = { dataset: info.id, datasetDigest: info.digest, testAccuracy, shape };
  await store.writeFile(fileOf(info.digest), encodeClassifier(record, weights, standard));
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  await log(
    `The reference classifier of ${info.id} is right about ${percent(testAccuracy)} of real test images, after ${steps} steps in ${seconds} s.`,
  );
}
