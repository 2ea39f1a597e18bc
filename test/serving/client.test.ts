import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CHILD_MODULES } from '../../src/bin/child-modules.ts';
import type { ModelRecord } from '../../src/core/contracts/model.ts';
import { errorCodeOf } from '../../src/core/errors.ts';
import { isAlive } from '../../src/platform/processes/proc.ts';
import { type Inference, type InferenceOptions, startInference } from '../../src/serving/client.ts';
import { latentFromSeed } from '../../src/serving/latents.ts';
import { openFolderStore } from '../../src/store/local-store.ts';
import { ModelRegistry } from '../../src/store/models.ts';
import { publishModel } from '../api/test-server.ts';

const folder = await mkdtemp(join(tmpdir(), 'stylograph-serving-'));
const models = new ModelRegistry(await openFolderStore(folder));
const first = await publishModel(models, { seed: 1 });
const second = await publishModel(models, { seed: 2 });
after(() => rm(folder, { recursive: true, force: true }));

async function withInference(
  options: Partial<InferenceOptions>,
  use: (inference: Inference) => Promise<void>,
): Promise<void> {
  // A child takes long to start on a busy machine.
  const patient = { deadlineMs: 120_000, loadWaitMs: 120_000 };
  const inference = await startInference({
    childModule: CHILD_MODULES.inference,
    directory: folder,
    ...patient,
    ...options,
  });
  // Keeps this process alive while a child is being replaced, as a server's other handles do.
  const alive = setInterval(() => undefined, 60_000);
  try {
    await use(inference);
  } finally {
    clearInterval(alive);
    await inference.close();
  }
}

const decodeSeed = (inference: Inference, model: ModelRecord, seed: number, signal?: AbortSignal) =>
  inference.decode(model, latentFromSeed(seed, 4), Int32Array.of(seed % 10), signal ? { signal } : {});

const hasCode = (code: string) => (error: unknown) => errorCodeOf(error) === code;

test('an image has the same bytes alone and in a batch, and large calls are split', () =>
  withInference({}, async (inference) => {
    const alone = await decodeSeed(inference, first, 5);
    assert.equal(alone.pixels.length, 784);
    const company = await Promise.all(
      Array.from({ length: 40 }, (_, seed) => decodeSeed(inference, first, seed)),
    );
    assert.deepEqual(company[5]!.pixels, alone.pixels);
    assert.notDeepEqual(company[6]!.pixels, alone.pixels);

    const latents = Float32Array.from(
      Array.from({ length: 150 }, (_, seed) => [...latentFromSeed(seed, 4)]).flat(),
    );
    const labels = Int32Array.from({ length: 150 }, (_, seed) => seed % 10);
    const many = await inference.decode(first, latents, labels);
    assert.deepEqual(many.pixels.slice(5 * 784, 6 * 784), alone.pixels);
    const encoded = await inference.encode(first, many.pixels, labels);
    assert.equal(encoded.mean.length, 150 * 4);
    const one = await inference.encode(first, alone.pixels, Int32Array.of(5));
    assert.deepEqual(encoded.mean.slice(20, 24), one.mean);
    const { scores } = await inference.explain(first, many.pixels.slice(0, 8 * 784));
    assert.equal(scores.length, 80);
    assert.ok(scores.every(Number.isFinite));
  }));

test('models differ, and the least recently used one is unloaded beyond the limit', () =>
  withInference({ maxModels: 1 }, async (inference) => {
    const a = await decodeSeed(inference, first, 1);
    assert.ok(inference.isLoaded(first.id));
    const b = await decodeSeed(inference, second, 1);
    assert.notDeepEqual(a.pixels, b.pixels);
    assert.deepEqual([inference.isLoaded(first.id), inference.isLoaded(second.id)], [false, true]);
    assert.deepEqual((await decodeSeed(inference, first, 1)).pixels, a.pixels);
  }));

test('when the child is killed, a new one answers its calls and reloads its models', () =>
  withInference({}, async (inference) => {
    const expected = await decodeSeed(inference, first, 3);
    await inference.ensure(second);
    const pid = inference.pid!;
    const calls = Array.from({ length: 20 }, () => decodeSeed(inference, first, 3));
    process.kill(pid, 'SIGKILL');
    for (const { pixels } of await Promise.all(calls)) assert.deepEqual(pixels, expected.pixels);
    assert.notEqual(inference.pid, pid);
    await inference.ensure(second);
    assert.ok(inference.ready && inference.isLoaded(first.id) && inference.isLoaded(second.id));
  }));

test('a stopped child is replaced long before its call times out', () =>
  withInference({ callTimeoutMs: 3_600_000 }, async (inference) => {
    const expected = await decodeSeed(inference, first, 3);
    const pid = inference.pid!;
    process.kill(pid, 'SIGSTOP');
    assert.deepEqual((await decodeSeed(inference, first, 3)).pixels, expected.pixels);
    assert.notEqual(inference.pid, pid);
    assert.ok(!isAlive(pid, 'ours'));
  }));

test('a child that is stopped while it loads a model is replaced by one that loads it', () =>
  withInference({}, async (inference) => {
    const pid = inference.pid!;
    const loaded = inference.ensure(first);
    process.kill(pid, 'SIGSTOP');
    await loaded;
    assert.notEqual(inference.pid, pid);
    await decodeSeed(inference, first, 3);
  }));

test('a child beyond its memory limit is replaced without a failed call', () =>
  withInference({ memoryLimitMb: 1 }, async (inference) => {
    const expected = await decodeSeed(inference, first, 3);
    const pid = inference.pid!;
    const busy = async (): Promise<void> => {
      while (isAlive(pid, 'ours'))
        assert.deepEqual((await decodeSeed(inference, first, 3)).pixels, expected.pixels);
    };
    await Promise.all([busy(), busy(), inference.ensure(second), busy()]);
    assert.notEqual(inference.pid, pid);
    assert.ok(inference.ready && inference.isLoaded(first.id) && inference.isLoaded(second.id));
    assert.deepEqual((await decodeSeed(inference, first, 3)).pixels, expected.pixels);
    assert.notDeepEqual((await decodeSeed(inference, second, 3)).pixels, expected.pixels);
  }));

test('a call whose child ends twice is rejected as unavailable', () =>
  withInference({}, async (inference) => {
    const { pixels } = await decodeSeed(inference, first, 3);
    // Several hundred batches, so that one is running whenever the child is killed.
    const images = new Uint8Array(600 * 784);
    for (let i = 0; i < 600; i++) images.set(pixels, i * 784);
    const lost = assert.rejects(inference.explain(first, images), (error: { retryAfter?: number }) => {
      assert.equal(errorCodeOf(error), 'inference_unavailable');
      assert.ok(error.retryAfter! >= 1);
      return true;
    });
    for (let deaths = 0; deaths < 2; deaths++) {
      while (!inference.ready) await new Promise((resolve) => setTimeout(resolve, 10));
      await new Promise((resolve) => setTimeout(resolve, 30));
      const pid = inference.pid!;
      process.kill(pid, 'SIGKILL');
      while (inference.pid === pid) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await lost;
  }));

test('while the child is stopped, the queue is bounded, deadlines pass and aborted calls leave', () =>
  withInference({ maxQueue: 2, deadlineMs: 300 }, async (inference) => {
    await inference.ensure(first);
    process.kill(inference.pid!, 'SIGSTOP');
    const stuck = assert.rejects(decodeSeed(inference, first, 1), hasCode('deadline_exceeded'));
    // Later calls wait once the first is with the child.
    await new Promise((resolve) => setImmediate(resolve));
    const controller = new AbortController();
    const aborted = assert.rejects(decodeSeed(inference, first, 2, controller.signal), /left/);
    const waiting = assert.rejects(decodeSeed(inference, first, 3), hasCode('deadline_exceeded'));
    await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(decodeSeed(inference, first, 4), hasCode('queue_full'));
    controller.abort(new Error('left'));
    await aborted;
    assert.equal(inference.waiting, 1);
    await Promise.all([stuck, waiting]);
  }));

test('a damaged model is rejected, and the others still answer', () =>
  withInference({}, async (inference) => {
    const damaged = await publishModel(models, { seed: 3 });
    const path = join(folder, 'models', damaged.id);
    const file = (await readdir(path)).find((name) => name.endsWith('.safetensors'))!;
    await writeFile(join(path, file), 'not weights');
    await assert.rejects(decodeSeed(inference, damaged, 1), hasCode('checkpoint_corrupt'));
    await decodeSeed(inference, first, 1);
    assert.ok(inference.ready);
  }));

test('closing ends the child and rejects further calls', async () => {
  const inference = await startInference({ childModule: CHILD_MODULES.inference, directory: folder });
  await inference.ensure(first);
  const pid = inference.pid!;
  await inference.close();
  assert.ok(!isAlive(pid, 'ours'));
  await assert.rejects(decodeSeed(inference, first, 1), hasCode('shutting_down'));
});
