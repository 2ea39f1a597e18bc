import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXPERIMENTS } from './results.ts';
import { table } from './tables.ts';

/** What `scripts/score-outside.py --keep` wrote. */
interface OutsideScores {
  model: string;
  /** Which network. */
  by: string;
  /** Share of the real test images that it recognises. */
  real: number;
  /** Shares of images seen as the label asked, by it and in the report. */
  samples: { found: number; reported: number };
  transfers: { found: number; reported: number };
}

/** Every judgement of the outside classifier that is kept. */
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
      'report says',
      'transfers %',
      'report says',
    ],
    rows,
  );
}
