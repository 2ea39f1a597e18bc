import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ensureVenv } from '../../../scripts/setup/venv.mjs';
import type { LabelledImages } from '../../../src/core/contracts/dataset.ts';
import { pick } from '../../../src/data/batches.ts';
import { loadDataset } from '../../../src/data/datasets.ts';
import { exportScored } from '../../../src/training/evaluation/export.ts';
import { Judge } from '../../../src/training/evaluation/judge.ts';
import { kidSubsets } from '../../../src/training/evaluation/metrics/kid.ts';
import { styleMoments, transferCorrelation } from '../../../src/training/evaluation/metrics/style.ts';
import { scoreReconstructions } from '../../../src/training/evaluation/parts.ts';
import { scoreSet } from '../../../src/training/evaluation/scores.ts';
import { temporaryDataDir } from '../../data/mnist-files.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SCRIPT = here('../../../scripts/score-samples.py');
const COUNT = 600;

/** A Python with numpy and scipy, or why there is none. */
const { python, problem } = await ensureVenv({
  name: 'parity',
  requirements: here('./requirements.txt'),
  what: 'numpy and scipy for a test (60 MB)',
  gigabytes: 1,
  oldest: [3, 11],
}).then(
  (path) => ({ python: path, problem: undefined }),
  (error: Error) => ({ python: undefined, problem: error }),
);

test('an independent program scores the same bytes the same', {
  skip: problem?.message ?? false,
}, async (t) => {
  const dataDir = await temporaryDataDir(t);
  const dataset = await loadDataset('mnist', dataDir);
  const judge = (await Judge.of(dataset.info))!;
  t.after(() => judge.dispose());
  const some = (split: LabelledImages, from: number, count: number): LabelledImages => ({
    count,
    ...pick(
      split,
      Uint32Array.from({ length: count }, (_, i) => from + i),
      784,
    ),
  });
  const fade = ({ count, images, labels }: LabelledImages, by: number): LabelledImages => ({
    count,
    images: images.map((byte, i) => Math.round(byte * (1 - by * (((i * 7919) % 101) / 101)))),
    labels,
  });
  const real = some(dataset.test, 0, COUNT);
  const samples = fade(some(dataset.validation, 0, COUNT), 0.7);
  const reconstructions = fade(some(dataset.test, 0, 200), 0.4);
  // Other images of the dataset stand for what a model would have made of twenty sources.
  const transfers = some(dataset.train, 0, 200);
  transfers.labels.forEach((_, i) => {
    transfers.labels[i] = i % 10;
  });

  const yardstick = await judge.yardstick(real);
  const { scores } = scoreSet(await judge.see(samples.images, samples.labels), yardstick);
  const rebuilt = await judge.see(reconstructions.images, reconstructions.labels);
  const { seen } = await judge.see(transfers.images, transfers.labels);
  const given = styleMoments(real.images.subarray(0, 20 * 784), judge.size);
  const got = styleMoments(transfers.images, judge.size);
  const own = [...given.ink.keys()];
  const evaluation = {
    classifier: { dataset: 'mnist', digest: judge.shipped.digest },
    ...scores,
    reconstruction: scoreReconstructions(rebuilt, yardstick),
    styleTransfer: {
      accuracy: seen.predictions.filter((label, i) => label === transfers.labels[i]).length / 200,
      slantCorrelation: transferCorrelation(given.slant, got.slant, own),
      inkCorrelation: transferCorrelation(given.ink, got.ink, own),
    },
  };
  const folder = join(dataDir, 'scored');
  const scored = { size: judge.size, real, samples, reconstructions, transfers };
  await exportScored(folder, { ...scored, kidSubsets: kidSubsets(COUNT, COUNT) }, evaluation);
  const { status, stdout, stderr } = spawnSync(python!, [SCRIPT, folder], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.equal(stdout.trim().split('\n').length, 17);
});
