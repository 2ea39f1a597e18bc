import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunRequest, StylographClient } from '../../src/client/index.ts';
import { writeSmallMnist } from '../data/mnist-files.ts';
import { startServiceIn } from './support.ts';

const MIB = 1024 * 1024;

/** Mounts a small file system, which only root may do. */
function mountSmallDisk(t: TestContext, megabytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
  t.after(() => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

const freeBytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

/** Small networks and a checkpoint every five iterations. Checkpoints of the warm-up are not evaluated. */
const CONFIG: NonNullable<RunRequest['config']> = {
  iterations: 20,
  warmupIterations: 199,
  checkpointEvery: 5,
  metricsEvery: 10,
  sampleEvery: 20,
  batchSize: 8,
  latentDim: 2,
  networks: { encoder: [16, 16, 64], decoder: [32, 16, 16], discriminator: [16, 16, 16] },
  figures: { frames: 0 },
};

test('a run pauses when the disk is full while serving continues, and it resumes to the same weights when space is free', {
  timeout: 2_400_000,
}, async (t) => {
  const disk = mountSmallDisk(t, 96);
  if (disk === undefined) return t.skip('mounting a small file system needs root on Linux');
  await writeSmallMnist(disk);
  const service = await startServiceIn(disk);
  t.after(() => service.stop());
  const client = new StylographClient({ url: service.url });
  const untilState = async (id: string, states: string[]) => {
    for (;;) {
      const run = await client.runs.get(id);
      if (states.includes(run.state)) return run;
      await sleep(100);
    }
  };
  const free = await client.runs.create({ seed: 3, preset: 'quick', config: CONFIG });
  const undisturbed = await untilState(free.id, ['succeeded', 'failed']);
  assert.equal(undisturbed.state, 'succeeded', JSON.stringify(undisturbed.error));

  const run = await client.runs.create({ seed: 3, preset: 'quick', config: { ...CONFIG, iterations: 200 } });
  while ((await client.runs.checkpoints(run.id)).items.length === 0) {
    assert.ok(!['failed', 'succeeded'].includes((await client.runs.get(run.id)).state), 'it should train');
    await sleep(20);
  }
  const ballast = join(disk, 'ballast');
  // Another program leaves little more than the reserve that the store keeps free.
  writeFileSync(ballast, Buffer.alloc(Math.floor(freeBytes(disk) - 0.05 * 96 * MIB - 64 * 1024)));

  const paused = await untilState(run.id, ['paused', 'succeeded', 'failed']);
  assert.deepEqual([paused.state, paused.error?.code], ['paused', 'disk_full']);
  assert.match(paused.error!.message, /disk is full.*Free some space.*DATA_DIR.*resume/);

  // Checkpoints, models, queue and serving still work.
  const { items: checkpoints } = await client.runs.checkpoints(run.id);
  assert.ok(checkpoints.length > 0);
  assert.equal((await fetch(`${service.url}/health/ready`)).status, 200);
  assert.equal((await fetch(`${service.url}/generate?label=3`)).status, 200);
  await client.runs.resume(run.id);
  const still = await untilState(run.id, ['paused', 'succeeded', 'failed']);
  assert.deepEqual([still.state, still.error?.code], ['paused', 'disk_full']);

  unlinkSync(ballast);
  await client.runs.resume(run.id);
  const done = await untilState(run.id, ['paused', 'succeeded', 'failed']);
  assert.deepEqual([done.state, done.error], ['succeeded', undefined]);
  const whole = await client.runs.create({
    seed: 3,
    preset: 'quick',
    config: { ...CONFIG, iterations: 200 },
  });
  const { modelId } = await untilState(whole.id, ['succeeded', 'failed']);
  const digests = await Promise.all(
    [done.modelId!, modelId!].map(async (id) => (await client.models.get(id)).digest),
  );
  assert.equal(digests[0], digests[1]);
});
