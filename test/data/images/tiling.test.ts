import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitImages, tileImages } from '../../../src/data/images/tiling.ts';

const images = [1, 2, 3].map((level) => new Uint8Array(2).fill(level));
const size = { width: 2, height: 1, channels: 1 } as const;
const rowsOf = ({ pixels, width }: { pixels: Uint8Array; width: number }) =>
  Array.from({ length: pixels.length / width }, (_, y) => [...pixels.subarray(y * width, (y + 1) * width)]);

test('images are arranged in rows with gaps, and empty tiles have the ground level', () => {
  assert.deepEqual(rowsOf(tileImages(images, { ...size, columns: 2, gap: 1, ground: 9 })), [
    [1, 1, 9, 2, 2],
    [9, 9, 9, 9, 9],
    [3, 3, 9, 9, 9],
  ]);
});

test('invert inverts the images and makes the ground white', () => {
  assert.deepEqual(rowsOf(tileImages(images, { ...size, columns: 2, gap: 1, invert: true })), [
    [254, 254, 255, 253, 253],
    [255, 255, 255, 255, 255],
    [252, 252, 255, 255, 255],
  ]);
});

test('scale enlarges images but not gaps', () => {
  const sheet = tileImages(images, { ...size, columns: 3, gap: 1, scale: 2 });
  assert.deepEqual([sheet.width, sheet.height], [14, 2]);
  assert.deepEqual(rowsOf(sheet)[1], [1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 3, 3, 3, 3]);
});

test('colour tiles keep their channels, and a sheet is no wider than its images', () => {
  const sheet = tileImages([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)], {
    width: 1,
    height: 1,
    channels: 3,
    columns: 10,
  });
  assert.deepEqual(sheet, { width: 2, height: 1, channels: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) });
});

test('a sequence of images is split into views', () => {
  assert.deepEqual(splitImages(Uint8Array.of(1, 2, 3, 4), 2), [Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
});
