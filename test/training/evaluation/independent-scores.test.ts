import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ensureVenv } from '../../../scripts/setup/venv.mjs';
import type { LabelledImages } from '../../../src/core/contracts/dataset.ts';
import { pick } from '../../../src/data/batches.ts';
import { loadDataset } from '../../../src/data/datasets.ts';
import { exportImages } from '../../../src/training/evaluation/export-images.ts';
import { firstImages } from '../../../src/training/evaluation/image-sets.ts';
import { kidSubsets } from '../../../src/training/evaluation/metrics/kid.ts';
import { ReferenceClassifier } from '../../../src/training/evaluation/reference-classifier.ts';
import { scoreReconstructions, scoreSet, scoreTransfers } from '../../../src/training/evaluation/scores.ts';
import { temporaryDataDir } from '../../data/mnist-files.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SCRIPT = here('../../../scripts/score-samples.py');
const COUNT = 600;

/** A Python with numpy and scipy, or the reason why it is missing. */
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

test('an independent program in Python gives the same scores for the same images', {
  skip: problem?.message ?? false,
}, async (t) => {
  const dataDir = await temporaryDataDir(t);
  const dataset = await loadDataset('mnist', dataDir);
  const judge = (await ReferenceClassifier.open(dataset.info))!;
  t.after(() => judge.dispose());
  const take = (split: LabelledImages, from: number, count: number): LabelledImages => ({
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
  const originals = take(dataset.test, 0, COUNT);
  const samples = fade(take(dataset.validation, 0, COUNT), 0.7);
  const reconstructions = fade(take(dataset.test, 0, 200), 0.4);
  // Other images of the dataset take the place of twenty sources transferred to ten labels.
  const transfers = take(dataset.train, 0, 200);
  transfers.labels.forEach((_, i) => {
    transfers.labels[i] = i % 10;
  });

  const real = await judge.classifyReal(originals);
  const { scores } = scoreSet(await judge.classify(samples), real);
  const ownOrder = Uint32Array.from({ length: 20 }, (_, i) => i);
  const evaluation = {
    classifier: { dataset: 'mnist', digest: judge.stored.digest },
    ...scores,
    reconstruction: scoreReconstructions(await judge.classify(reconstructions), real),
    styleTransfer: scoreTransfers(
      await judge.classify(transfers),
      firstImages(originals, 20),
      ownOrder,
      judge.size,
    ),
  };
  const folder = join(dataDir, 'scored');
  const scored = { size: judge.size, real: originals, samples, reconstructions, transfers };
  await exportImages(folder, { ...scored, kidSubsets: kidSubsets(COUNT, COUNT) }, evaluation);
  const { status, stdout, stderr } = spawnSync(python!, [SCRIPT, folder], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.equal(stdout.trim().split('\n').length, 17);
});
