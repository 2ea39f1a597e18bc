import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import { pick } from '../../data/batches.ts';
import { permutation } from '../../data/permutation.ts';

/**
 * A dataset with its held-out splits in a fixed random order, so that their first images stand for all of them: MNIST's
 * own order sorts test images by who wrote them, and the first 2,000 are unlike the rest.
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
