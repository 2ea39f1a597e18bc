import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrialResult } from '../../scripts/lib/results.ts';
import { writeSmallMnist } from '../data/mnist-files.ts';
import { temporaryFolder } from '../store/small-models.ts';

const SCRIPT = new URL('../../scripts/campaign.ts', import.meta.url).pathname;
const tiny = {
  ...{ iterations: 20, batchSize: 8, warmupIterations: 0, checkpointEvery: 5, latentDim: 2 },
  networks: { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] },
  figures: { frames: 0 },
};

function start(t: TestContext, folder: string) {
  const args = ['--experiments', folder, '--data-dir', join(folder, 'data')];
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, 'tiny', ...args], { stdio: 'inherit' });
  t.after(() => child.kill('SIGKILL'));
  return { child, ended: once(child, 'exit') };
}

test('an interrupted campaign continues its trial when it is started again and keeps the result', async (t) => {
  const folder = await temporaryFolder(t);
  const trial = { name: 'one', preset: 'quick', seeds: [1], why: 'A short trial.', config: tiny };
  await mkdir(join(folder, 'campaigns'));
  const file = join(folder, 'campaigns', 'tiny.json');
  await writeFile(file, JSON.stringify({ about: 'A test.', trials: [trial] }));
  const result = join(folder, 'results', 'tiny', 'one-1.json');

  await writeSmallMnist(join(folder, 'data', 'tiny', 'one-1'), { testImages: 40 });

  const first = start(t, folder);
  const claim = join(folder, 'data', 'tiny', 'one-1', 'claim');
  while (!existsSync(claim)) await sleep(50);
  // A second process finds the trial claimed.
  const other = start(t, folder);
  assert.deepEqual(await other.ended, [0, null]);
  assert.equal(existsSync(result), false);
  first.child.kill('SIGINT');
  assert.deepEqual(await first.ended, [0, null]);

  const again = start(t, folder);
  assert.deepEqual(await again.ended, [0, null]);
  const found = JSON.parse(await readFile(result, 'utf8')) as TrialResult;
  assert.equal(found.state, 'succeeded');
  assert.deepEqual(
    found.validations.map(({ iteration }) => iteration),
    [5, 10, 15, 20],
  );
  const best = found.validations.reduce((a, b) => (b.frechetJointDistance < a.frechetJointDistance ? b : a));
  assert.equal(found.published, best.iteration);
  assert.equal(found.evaluation?.samples, 2000);
});
