import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodeOf } from '../../src/core/errors.ts';
import { Batcher, type BatcherLimits, type Clock, type Slice, WorkLost } from '../../src/serving/batcher.ts';

/** A clock that advances only when the test says so. */
class ManualClock implements Clock {
  time = 1000;
  readonly #timers = new Map<number, { at: number; callback: () => void }>();
  #next = 1;

  now(): number {
    return this.time;
  }

  setTimeout(callback: () => void, ms: number): number {
    this.#timers.set(this.#next, { at: this.time + ms, callback });
    return this.#next++;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as number);
  }

  async advance(ms: number): Promise<void> {
    this.time += ms;
    for (const [id, { at, callback }] of [...this.#timers]) {
      if (at > this.time) continue;
      this.#timers.delete(id);
      callback();
    }
    await settle();
  }
}

interface Batch {
  group: string;
  slices: Slice<string>[];
  finish(computeMs?: number): Promise<void>;
  fail(error: unknown): Promise<void>;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp(limits: Partial<BatcherLimits> = {}) {
  const clock = new ManualClock();
  const batches: Batch[] = [];
  const batcher = new Batcher<string>({
    ...limits,
    clock,
    run: (group, slices) =>
      new Promise((resolve, reject) => {
        batches.push({
          group,
          slices,
          finish: async (computeMs = 1) => {
            resolve(computeMs);
            await settle();
          },
          fail: async (error) => {
            reject(error);
            await settle();
          },
        });
      }),
  });
  const submit = (payload: string, count = 1, group = 'g', signal?: AbortSignal) =>
    batcher.submit({ group, count, payload, signal });
  return { batcher, batches, clock, submit };
}

const names = (batch: Batch | undefined): string[] => batch?.slices.map(({ payload }) => payload) ?? [];

test('an idle batcher dispatches at once and joins jobs that arrive meanwhile into the next batch', async () => {
  const { batches, submit, clock } = setUp();
  const first = submit('a');
  assert.deepEqual(names(batches[0]), ['a']);
  const others = [submit('b'), submit('c', 3)];
  assert.equal(batches.length, 1);
  clock.time += 5;
  await batches[0]!.finish(4);
  assert.deepEqual(names(batches[1]), ['b', 'c']);
  assert.deepEqual(await first, { queueMs: 0, computeMs: 4 });
  await batches[1]!.finish(7);
  assert.deepEqual(await Promise.all(others), [
    { queueMs: 5, computeMs: 7 },
    { queueMs: 5, computeMs: 7 },
  ]);
});

/** A batcher whose last batch had several jobs. */
async function afterSharedBatch(limits: Partial<BatcherLimits>) {
  const set = setUp(limits);
  void set.submit('x');
  void set.submit('y');
  void set.submit('z');
  set.clock.time += 3;
  await set.batches[0]!.finish();
  await set.batches[1]!.finish();
  return set;
}

test('after a shared batch, a job waits for others up to the delay', async () => {
  const { batches, submit, clock } = await afterSharedBatch({ maxDelayMs: 2 });
  void submit('b');
  await clock.advance(1);
  void submit('c');
  assert.equal(batches.length, 2);
  await clock.advance(1);
  assert.deepEqual(names(batches[2]), ['b', 'c']);
});

test('sequential calls do not wait', async () => {
  const { batches, submit } = setUp();
  void submit('a');
  await batches[0]!.finish();
  void submit('b');
  assert.deepEqual(names(batches[1]), ['b']);
});

test('a full batch does not wait for the delay', async () => {
  const { batches, submit } = await afterSharedBatch({ maxBatch: 4 });
  void submit('b', 4);
  assert.deepEqual(names(batches[2]), ['b']);
});

test('jobs of another group do not share a batch', async () => {
  const { batches, submit } = setUp();
  void submit('a', 1, 'x');
  void submit('b', 1, 'y');
  void submit('c', 1, 'x');
  await batches[0]!.finish();
  assert.deepEqual(names(batches[1]), ['b']);
});

test('the oldest group goes first', async () => {
  const { batches, submit, clock } = setUp();
  void submit('a', 1, 'x');
  void submit('b', 1, 'y');
  void submit('c', 1, 'x');
  clock.time += 3;
  await batches[0]!.finish();
  assert.equal(batches[1]?.group, 'y');
  await batches[1]!.finish();
  assert.deepEqual(names(batches[2]), ['c']);
});

test('a job larger than a batch is split and lets small jobs pass', async () => {
  const { batches, submit, clock } = setUp({ maxBatch: 4 });
  const large = submit('large', 10);
  const small = submit('small', 2);
  clock.time += 3;
  await batches[0]!.finish(1);
  assert.deepEqual(batches[1]!.slices, [
    { payload: 'small', from: 0, count: 2 },
    { payload: 'large', from: 4, count: 2 },
  ]);
  await batches[1]!.finish(1);
  await small;
  assert.deepEqual(batches[2]!.slices, [{ payload: 'large', from: 6, count: 4 }]);
  await batches[2]!.finish(1);
  assert.deepEqual(await large, { queueMs: 0, computeMs: 3 });
});

test('a batch holds fewer costly images, but at least one', async () => {
  const { batches, batcher } = setUp({ maxBatch: 20 });
  void batcher.submit({ group: 'g', count: 3, cost: 10, payload: 'a' });
  assert.deepEqual(batches[0]!.slices, [{ payload: 'a', from: 0, count: 2 }]);
  await batches[0]!.finish();
  const wide = setUp({ maxBatch: 4 });
  void wide.batcher.submit({ group: 'g', count: 2, cost: 10, payload: 'b' });
  assert.deepEqual(wide.batches[0]!.slices, [{ payload: 'b', from: 0, count: 1 }]);
});

test('a full queue rejects a job with a time to retry after', async () => {
  const { submit } = setUp({ maxQueue: 2 });
  void submit('running');
  void submit('a');
  void submit('b');
  assert.throws(
    () => submit('c'),
    (error) => errorCodeOf(error) === 'queue_full' && (error as { retryAfter: number }).retryAfter >= 1,
  );
});

test('a queued or running job fails at its deadline, and a queued one is not computed', async () => {
  const { batches, submit, clock } = setUp({ deadlineMs: 100 });
  const running = submit('a');
  const waiting = submit('b');
  const expectations = [running, waiting].map((job) =>
    assert.rejects(job, (error) => errorCodeOf(error) === 'deadline_exceeded'),
  );
  await clock.advance(100);
  await Promise.all(expectations);
  await batches[0]!.finish();
  assert.equal(batches.length, 1);
});

test('an aborted job leaves the queue and makes room', async () => {
  const { batches, batcher, submit, clock } = setUp({ maxQueue: 1 });
  void submit('running');
  const controller = new AbortController();
  const gone = submit('gone', 1, 'g', controller.signal);
  controller.abort(new Error('client left'));
  await assert.rejects(gone, /client left/);
  assert.equal(batcher.waiting, 0);
  void submit('next');
  clock.time += 3;
  await batches[0]!.finish();
  assert.deepEqual(names(batches[1]), ['next']);
});

test('a lost batch is retried once, then reported as unavailable', async () => {
  const { batches, submit, clock } = setUp();
  const job = submit('a');
  const refused = assert.rejects(job, (error) => errorCodeOf(error) === 'inference_unavailable');
  await batches[0]!.fail(new WorkLost('killed'));
  await clock.advance(3);
  assert.deepEqual(names(batches[1]), ['a']);
  await batches[1]!.fail(new WorkLost('killed'));
  await refused;
});

test('an error of the computation is not retried', async () => {
  const { batches, submit } = setUp();
  const refused = assert.rejects(submit('a'), /bad weights/);
  await batches[0]!.fail(new Error('bad weights'));
  await refused;
  assert.equal(batches.length, 1);
});

test('a paused batcher starts no batch until it is resumed', async () => {
  const { batches, batcher, submit } = setUp();
  batcher.pause();
  void submit('a');
  assert.equal(batches.length, 0);
  batcher.resume();
  assert.deepEqual(names(batches[0]), ['a']);
});

test('closing rejects queued, running and later jobs', async () => {
  const { batches, batcher, submit } = setUp();
  const running = assert.rejects(submit('a'), /closed/);
  const waiting = assert.rejects(submit('b'), /closed/);
  batcher.close(new Error('closed'));
  await batches[0]!.fail(new WorkLost('killed'));
  await Promise.all([running, waiting]);
  assert.throws(() => submit('c'), /closed/);
});
