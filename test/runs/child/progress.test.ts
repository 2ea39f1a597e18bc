import assert from 'node:assert/strict';
import test from 'node:test';
import type { RunProgress } from '../../../src/core/contracts/run.ts';
import { ProgressReporter } from '../../../src/runs/child/progress.ts';

test('the elapsed time never decreases, even when training restarts from the beginning or from a checkpoint', async () => {
  const reported: RunProgress[] = [];
  const first: RunProgress = {
    phase: 'training',
    iteration: 20,
    iterations: 60,
    secondsElapsed: 8,
    secondsRemaining: 16,
    imagesPerSecond: 10,
  };
  const progress = new ProgressReporter(first, async (one) => void reported.push(one));
  for (const change of [
    { phase: 'loading' as const },
    { iteration: 0, secondsElapsed: 0 },
    { iteration: 10, secondsElapsed: 4 },
    { iteration: 5, secondsElapsed: 2 },
    { iteration: 10, secondsElapsed: 4.5 },
  ]) {
    await progress.report(change);
    await progress.flush();
  }
  assert.deepEqual(
    reported.map(({ secondsElapsed }) => secondsElapsed),
    [8, 8, 12, 12, 14.5],
  );
});
