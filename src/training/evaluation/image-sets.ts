import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import { pick } from '../../data/batches.ts';
import { permutation } from '../../data/permutation.ts';

/** With fewer test images no score means anything. */
const LEAST_TEST_IMAGES = 20;

/** Images as bytes, n × H × W × C, and the label that each one is meant to show. */
export type ImageSet = Pick<LabelledImages, 'images' | 'labels'>;

/** The first images of a set, or all of them if there are fewer. */
export function firstImages({ images, labels }: ImageSet, count: number): ImageSet {
  const taken = Math.min(count, labels.length);
  return {
    images: images.subarray(0, (images.length / labels.length) * taken),
    labels: labels.subarray(0, taken),
  };
}

/**
 * A dataset with its held-out splits in a fixed random order, so that their first images represent all of them. MNIST
 * sorts its test images by writer, and the first 2,000 differ from the rest.
 */
export function inEvaluationOrder(dataset: Dataset): Dataset {
  const { width, height, channels } = dataset.info;
  const shuffled = (split: LabelledImages, key: string): LabelledImages => ({
    count: split.count,
    ...pick(split, permutation(split.count, key), width * height * channels),
  });
  return {
    ...dataset,
    validation: shuffled(dataset.validation, 'evaluation:validation'),
    test: shuffled(dataset.test, 'evaluation:test'),
  };
}

/** Whether any label has two images, so that diversity within a label can be measured. */
export const hasPairs = (labels: Uint8Array): boolean => new Set(labels).size < labels.length;

/** Why no model of a dataset can be evaluated; undefined where models can be. */
export function evaluationObstacle({ labels }: ImageSet): string | undefined {
  if (labels.length < LEAST_TEST_IMAGES) {
    return `it has ${labels.length} test images and needs at least ${LEAST_TEST_IMAGES}`;
  }
  return hasPairs(labels) ? undefined : 'it has no label with two test images';
}
