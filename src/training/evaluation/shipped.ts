import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Digest } from '../../core/contracts/common.ts';
import type { NamedWeights } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { weightsDigest } from '../../store/digest.ts';
import { decode, encode } from '../../store/safetensors.ts';
import type { Standard } from './features.ts';

/** Share of right answers on real test images below which a classifier judges nothing. */
const LEAST_ACCURACY: Record<string, number> = { mnist: 0.992, 'fashion-mnist': 0.915 };
const MEAN = 'standard/mean';
const DEVIATION = 'standard/deviation';

const ClassifierRecord = z.strictObject({
  dataset: z.string(),
  /** The data it was trained on; it judges no other. */
  datasetDigest: Digest,
  testAccuracy: z.number(),
  shape: z.strictObject({ height: z.int(), width: z.int(), channels: z.int(), labels: z.int() }),
});
export type ClassifierRecord = z.infer<typeof ClassifierRecord>;

/** A reference classifier as it is shipped: what it is, its weights, and the scale of its features. */
export interface ShippedClassifier extends ClassifierRecord {
  /** SHA-256 of weights and scale. */
  digest: string;
  weights: NamedWeights[];
  standard: Standard;
}

/** Where the classifier of a dataset is shipped. */
export const classifierFile = (dataset: string): string =>
  fileURLToPath(new URL(`../../../classifiers/${dataset}.safetensors`, import.meta.url));

/** One safetensors file: weights, then the scale of the features; the record is in its header. */
export function encodeClassifier(
  record: ClassifierRecord,
  weights: NamedWeights[],
  { mean, deviation }: Standard,
): Uint8Array {
  const scale = [
    { name: MEAN, shape: [mean.length], values: mean },
    { name: DEVIATION, shape: [deviation.length], values: deviation },
  ];
  const all = [...weights, ...scale];
  return encode(all, { classifier: JSON.stringify(record), digest: weightsDigest(all) });
}

/** @throws classifier_unfit for one that is too often wrong; checkpoint_corrupt for damaged bytes */
export function describeClassifier(bytes: Uint8Array): ShippedClassifier {
  const { weights, metadata } = decode(bytes);
  const record = ClassifierRecord.parse(JSON.parse(metadata.classifier ?? 'null'));
  const digest = weightsDigest(weights);
  if (digest !== metadata.digest) {
    throw new StylographError(
      'checkpoint_corrupt',
      `The reference classifier of ${record.dataset} does not have the digest it states; restore classifiers/ from the repository.`,
    );
  }
  const least = LEAST_ACCURACY[record.dataset] ?? 0;
  if (record.testAccuracy < least) {
    throw new StylographError(
      'classifier_unfit',
      `The reference classifier of ${record.dataset} is right about ${(100 * record.testAccuracy).toFixed(2)} % of test images; ` +
        `at least ${100 * least} % are needed. Train it anew: node --import tsx scripts/train-classifier.ts ${record.dataset}`,
    );
  }
  const values = (name: string): Float32Array => weights.find((weight) => weight.name === name)!.values;
  return {
    ...record,
    digest,
    weights: weights.filter(({ name }) => name !== MEAN && name !== DEVIATION),
    standard: { mean: values(MEAN), deviation: values(DEVIATION) },
  };
}

/**
 * The classifier that judges images of a dataset; undefined where there is none that was trained on just this data.
 * @throws classifier_unfit, checkpoint_corrupt
 */
export function shippedClassifier(info: { id: string; digest: string }): ShippedClassifier | undefined {
  const file = classifierFile(info.id);
  if (!existsSync(file)) return undefined;
  const classifier = describeClassifier(readFileSync(file));
  return classifier.datasetDigest === info.digest ? classifier : undefined;
}
