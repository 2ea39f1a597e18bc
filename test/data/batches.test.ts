import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Batch, BatchStream } from '../../src/data/batches.ts';

/** 103 images of 2 bytes, both the image's index; the label is the index modulo 10. */
const split = {
  count: 103,
  images: Uint8Array.from({ length: 206 }, (_, at) => at >> 1),
  labels: Uint8Array.from({ length: 103 }, (_, at) => at % 10),
};
const stream = (options: { seed?: number; drawn?: number; batchSize?: number } = {}) =>
  new BatchStream(split, { batchSize: 10, seed: 7, pixels: 2, ...options });
const draw = (from: BatchStream, count: number): Batch[] => Array.from({ length: count }, () => from.next());
const numbers = (batches: Batch[]): number[] =>
  batches.flatMap(({ images }) => [...images].filter((_, at) => at % 2 === 0));

test('a pass contains no image twice and drops the remainder', () => {
  const source = stream();
  assert.equal(source.batchesPerPass, 10);
  for (let pass = 0; pass < 3; pass++) assert.equal(new Set(numbers(draw(source, 10))).size, 100);
});

test('a pass without a remainder contains every image once', () => {
  const all = numbers(draw(new BatchStream(split, { batchSize: 103, seed: 1, pixels: 2 }), 1));
  assert.deepEqual(
    all.toSorted((a, b) => a - b),
    Array.from({ length: 103 }, (_, at) => at),
  );
});

test('images keep their labels', () => {
  for (const { images, labels } of draw(stream(), 20)) {
    for (const [row, label] of labels.entries()) assert.equal(label, images[row * 2]! % 10);
  }
});

test('every pass and every seed has its own order', () => {
  const source = stream();
  const orders = [draw(source, 10), draw(source, 10), draw(stream({ seed: 8 }), 10)].map((b) =>
    numbers(b).join(),
  );
  assert.equal(new Set(orders).size, 3);
});

test('a stream resumed at any position continues with the same batches', () => {
  const reference = draw(stream(), 35);
  for (let drawn = 0; drawn < 35; drawn++) {
    const resumed = stream({ drawn });
    assert.equal(resumed.drawn, drawn);
    assert.deepEqual(draw(resumed, 35 - drawn), reference.slice(drawn));
    assert.equal(resumed.drawn, 35);
  }
});

test('the order never changes between versions, so that older checkpoints resume', () => {
  assert.deepEqual(numbers(draw(stream(), 1)), [24, 27, 84, 31, 67, 59, 43, 87, 32, 17]);
});

test('a batch larger than the split is refused with the largest possible size', () => {
  assert.throws(() => stream({ batchSize: 104 }), { code: 'validation_failed', message: /at most 103/ });
});
