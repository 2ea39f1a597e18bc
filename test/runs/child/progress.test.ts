import assert from 'node:assert/strict';
import test from 'node:test';
import type { RunProgress } from '../../../src/core/contracts/run.ts';
import { ProgressReporter } from '../../../src/runs/child/progress.ts';

const first: RunProgress = {
  phase: 'training',
  iteration: 20,
  iterations: 60,
  secondsElapsed: 8,
  secondsRemaining: 16,
  imagesPerSecond: 10,
};

test('progress is reported at most every 250 ms, with the newest values', async () => {
  let time = 0;
  const clock = {
    now: () => time,
    sleep: async (ms: number) => {
      time += ms;
    },
  };
  const reported: [time: number, iteration: number][] = [];
  const append = async ({ iteration }: RunProgress) => void reported.push([time, iteration]);
  const progress = new ProgressReporter(first, append, clock);
  for (let iteration = 1; iteration <= 100; iteration++) {
    await progress.report({ iteration });
    time += 10;
  }
  await progress.flush();
  assert.deepEqual(reported, [
    [0, 1],
    [250, 26],
    [500, 51],
    [750, 76],
    [1000, 100],
  ]);
});

test('the elapsed time never decreases, even when training restarts from the beginning or from a checkpoint', async () => {
  const reported: RunProgress[] = [];
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
