import type { Dataset } from '../../core/contracts/dataset.ts';
import type { ImageSpec } from '../../core/contracts/model.ts';

/** The shape of a dataset's images and its labels by name. */
export function imageSpec({ info }: Dataset): ImageSpec {
  const { width, height, channels, labels } = info;
  return { width, height, channels, labels: labels.map(({ name }) => name) };
}
