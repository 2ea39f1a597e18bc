import type { Run } from '../lib/contract.ts';
import { Picture } from './picture.tsx';

const FIGURE_DIGITS = 9;

/** The newest ten-label sheet of a run; samples come at multiples of `sampleEvery` and at the end. */
export function RunThumbnail({ run }: { run: Run }) {
  const { iteration, iterations } = run.progress;
  const { sampleEvery } = run.config;
  // That of the iteration at hand may not be drawn yet.
  const newest =
    run.state === 'succeeded' ? iterations : Math.floor((iteration - 1) / sampleEvery) * sampleEvery;
  const file = `labels-${String(newest).padStart(FIGURE_DIGITS, '0')}.png`;
  return (
    <span class="thumbnail" aria-hidden="true">
      {newest > 0 && <Picture kind="sheet" path={`/runs/${run.id}/figures/${file}`} alt="" />}
    </span>
  );
}
