import type { Dataset } from '../../../client/index.ts';
import type { Output } from '../output.ts';
import { moment, whole } from '../terminal/format.ts';
import { facts } from '../terminal/table.ts';

/** Lines that describe a dataset. */
export function datasetFacts(dataset: Dataset, { paint }: Output): string[] {
  const { width, height, channels, split, warnings, createdAt } = dataset;
  const lines = facts(
    {
      dataset: dataset.id,
      name: dataset.name,
      images: `${width} × ${height}, ${channels === 1 ? 'grey' : 'colour'}`,
      split: `${whole(split.train)} train, ${whole(split.validation)} validation, ${whole(split.test)} test`,
      labels: dataset.labels.map(({ name, count }) => `${name} (${whole(count)})`).join('  '),
      digest: dataset.digest,
      uploaded: createdAt === null ? undefined : moment(createdAt),
    },
    paint.dim,
  );
  return [...lines, ...warnings.map((warning) => `${paint.yellow('note')} ${warning}`)];
}
