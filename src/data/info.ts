import { createHash } from 'node:crypto';
import type { Dataset, DatasetInfo } from '../core/contracts/dataset.ts';

interface Described extends Pick<DatasetInfo, 'id' | 'name' | 'width' | 'height' | 'channels'> {
  labelNames: readonly string[];
}

/** Counts and digest of a dataset that is split. */
export function infoOf(
  { labelNames, ...described }: Described,
  { train, validation, test }: Omit<Dataset, 'info'>,
): DatasetInfo {
  const counts = new Array<number>(labelNames.length).fill(0);
  const hash = createHash('sha256');
  for (const { images, labels } of [train, validation, test]) {
    hash.update(images).update(labels);
    for (const label of labels) counts[label]!++;
  }
  return {
    ...described,
    labels: labelNames.map((name, index) => ({ index, name, count: counts[index]! })),
    split: { train: train.count, validation: validation.count, test: test.count },
    digest: hash.digest('hex'),
    warnings: [],
    createdAt: null,
  };
}
