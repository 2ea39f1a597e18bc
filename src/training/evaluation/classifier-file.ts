import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Digest } from '../../core/contracts/common.ts';
import type { NamedWeights } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { weightsDigest } from '../../store/digest.ts';
import { decode, encode } from '../../store/safetensors.ts';
import type { FeatureScale } from './classifier.ts';

/** The accuracy on real test images that a classifier needs. */
const LEAST_ACCURACY: Record<string, number> = { mnist: 0.992, 'fashion-mnist': 0.915 };
const MEAN = 'standard/mean';
const DEVIATION = 'standard/deviation';

const ClassifierRecord = z.strictObject({
  dataset: z.string(),
  /** Of the data it was trained on, the only data that it may judge. */
  datasetDigest: Digest,
  testAccuracy: z.number(),
  shape: z.strictObject({ height: z.int(), width: z.int(), channels: z.int(), labels: z.int() }),
});
export type ClassifierRecord = z.infer<typeof ClassifierRecord>;

/** A trained reference classifier as it is stored. */
export interface StoredClassifier extends ClassifierRecord {
  /** SHA-256 of weights and scale. */
  digest: string;
  weights: NamedWeights[];
  scale: FeatureScale;
}

/** The file of a dataset's shipped classifier. */
export const shippedClassifierFile = (dataset: string): string =>
  fileURLToPath(new URL(`../../../classifiers/${dataset}.safetensors`, import.meta.url));

/** One safetensors file: the weights, then the scale of the features. The record is in its header. */
export function encodeClassifier(
  record: ClassifierRecord,
  weights: NamedWeights[],
  { mean, deviation }: FeatureScale,
): Uint8Array {
  const scale = [
    { name: MEAN, shape: [mean.length], values: mean },
    { name: DEVIATION, shape: [deviation.length], values: deviation },
  ];
  const all = [...weights, ...scale];
  return encode(all, { classifier: JSON.stringify(record), digest: weightsDigest(all) });
}

/** @throws classifier_unfit when its accuracy is too low; checkpoint_corrupt when the bytes are damaged */
export function decodeClassifier(bytes: Uint8Array): StoredClassifier {
  const { weights, metadata } = decode(bytes);
  const record = ClassifierRecord.parse(JSON.parse(metadata.classifier ?? 'null'));
  const digest = weightsDigest(weights);
  if (digest !== metadata.digest) {
    throw new StylographError(
      'checkpoint_corrupt',
      `The reference classifier of ${record.dataset} does not match its digest. Restore classifiers/ from the repository.`,
    );
  }
  const least = LEAST_ACCURACY[record.dataset] ?? 0;
  if (record.testAccuracy < least) {
    throw new StylographError(
      'classifier_unfit',
      `The reference classifier of ${record.dataset} recognises ${(100 * record.testAccuracy).toFixed(2)} % of the test images, ` +
        `and ${100 * least} % are needed. Retrain it: node --import tsx scripts/train-classifier.ts ${record.dataset}`,
    );
  }
  const values = (name: string): Float32Array => weights.find((weight) => weight.name === name)!.values;
  return {
    ...record,
    digest,
    weights: weights.filter(({ name }) => name !== MEAN && name !== DEVIATION),
    scale: { mean: values(MEAN), deviation: values(DEVIATION) },
  };
}

/**
 * The classifier that is shipped for a dataset; undefined where none was trained on exactly this data.
 * @throws classifier_unfit, checkpoint_corrupt
 */
export function shippedClassifier(info: { id: string; digest: string }): StoredClassifier | undefined {
  const file = shippedClassifierFile(info.id);
  if (!existsSync(file)) return undefined;
  const classifier = decodeClassifier(readFileSync(file));
  return classifier.datasetDigest === info.digest ? classifier : undefined;
}
