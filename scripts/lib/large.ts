import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXPERIMENTS } from './results.ts';
import { table } from './tables.ts';

/** Time and memory of a run with large images, measured by hand; docs/experiments.md describes how. */
interface LargeRun {
  what: string;
  iterationsPerSecond: number;
  classifierSeconds: number;
  /** The largest resident size of the run's process in each phase. */
  peakGigabytes: { classifier: number; training: number; afterwards: number };
  /** The estimate of `POST /runs?dryRun=true`. */
  estimatedGigabytes: number;
}

export function largeTable(): string {
  const folder = join(EXPERIMENTS, 'results', 'large');
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  const rows = files.map((file) => {
    const run = JSON.parse(readFileSync(join(folder, file), 'utf8')) as LargeRun;
    const { classifier, training, afterwards } = run.peakGigabytes;
    const figures = [run.iterationsPerSecond, run.classifierSeconds, classifier, training, afterwards];
    return [run.what, ...[...figures, run.estimatedGigabytes].map(String)];
  });
  return table(
    [
      'run',
      'iterations a second',
      'classifier, seconds',
      'GB: classifier',
      'training',
      'evaluation and drawing',
      'estimated',
    ],
    rows,
  );
}
