import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stratifiedPositions } from '../../src/data/split.ts';

const labels = Uint8Array.from({ length: 1000 }, (_, at) => (at % 7 === 0 ? 0 : at % 3 === 0 ? 1 : 2));
const countOf = (positions: Uint32Array, label: number) =>
  positions.filter((at) => labels[at] === label).length;

test('train and validation are a partition of all images', () => {
  const { train, validation } = stratifiedPositions(labels, 100);
  assert.deepEqual(
    [...train, ...validation].toSorted((a, b) => a - b),
    Array.from({ length: 1000 }, (_, at) => at),
  );
  assert.equal(validation.length, 100);
});

test('each label has its share of validation to within one image', () => {
  const { validation } = stratifiedPositions(labels, 100);
  for (const label of [0, 1, 2]) {
    const share = labels.filter((other) => other === label).length / 10;
    assert.ok(Math.abs(countOf(validation, label) - share) < 1);
  }
});

test('validation images are spread over the file and always the same', () => {
  const { validation } = stratifiedPositions(labels, 100);
  const firstHalf = validation.filter((at) => at < 500).length;
  assert.ok(firstHalf > 30 && firstHalf < 70);
  assert.deepEqual(stratifiedPositions(labels, 100).validation, validation);
});
