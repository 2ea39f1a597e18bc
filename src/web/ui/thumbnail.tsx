import type { Run } from '../../client/index.ts';
import { Picture } from './picture.tsx';

const FIGURE_DIGITS = 9;

/** The newest sheet of all labels of a run; sheets exist at multiples of `sampleEvery` and at the end. */
export function RunThumbnail({ run }: { run: Run }) {
  const { iteration, iterations } = run.progress;
  const { sampleEvery } = run.config;
  // The sheet of the current iteration may not be drawn yet.
  const newest =
    run.state === 'succeeded' ? iterations : Math.floor((iteration - 1) / sampleEvery) * sampleEvery;
  const file = `labels-${String(newest).padStart(FIGURE_DIGITS, '0')}.png`;
  return (
    <span class="thumbnail" aria-hidden="true">
      {newest > 0 && <Picture kind="sheet" path={`/runs/${run.id}/figures/${file}`} alt="" />}
    </span>
  );
}
