import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXPERIMENTS } from './results.ts';
import { table } from './tables.ts';

/** A file that `scripts/score-outside.py --keep` writes. */
interface OutsideScores {
  model: string;
  /** The network's name. */
  by: string;
  /** Its accuracy on real test images. */
  real: number;
  /** Shares of images recognised as the requested label: by it, and by the evaluation. */
  samples: { found: number; reported: number };
  transfers: { found: number; reported: number };
}

/** All stored scores by outside classifiers. */
export function outsideTable(): string {
  const folder = join(EXPERIMENTS, 'results', 'outside');
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  const percent = (share: number): string => (100 * share).toFixed(2);
  const rows = files.map((file) => {
    const { model, by, real, samples, transfers } = JSON.parse(
      readFileSync(join(folder, file), 'utf8'),
    ) as OutsideScores;
    return [
      model,
      by,
      ...[real, samples.found, samples.reported, transfers.found, transfers.reported].map(percent),
    ];
  });
  return table(
    [
      'model',
      'judged by',
      'real test images right %',
      'samples %',
      'by the evaluation %',
      'transfers %',
      'by the evaluation %',
    ],
    rows,
  );
}
