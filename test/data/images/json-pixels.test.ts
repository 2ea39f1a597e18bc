import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageFromPixels } from '../../../src/data/images/json-pixels.ts';

test('numbers become grey pixels, triples become colour pixels, and levels are rounded', () => {
  assert.deepEqual(
    imageFromPixels([
      [0, 127.5],
      [254.4, 255],
      [3, 4],
    ]),
    {
      width: 2,
      height: 3,
      channels: 1,
      pixels: Uint8Array.of(0, 128, 254, 255, 3, 4),
    },
  );
  assert.deepEqual(
    imageFromPixels([
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ]),
    {
      width: 2,
      height: 1,
      channels: 3,
      pixels: Uint8Array.of(1, 2, 3, 4, 5, 6),
    },
  );
});

test('errors name the bad row or pixel', () => {
  const refused = (rows: Parameters<typeof imageFromPixels>[0], message: RegExp, maxPixels?: number) =>
    assert.throws(() => imageFromPixels(rows, maxPixels), { code: 'invalid_image', message });
  refused([], /empty/);
  refused([[]], /empty/);
  refused([[1, 2], [1, 2], [1]], /Row 2.*1 pixels, expected 2/);
  refused(
    [
      [1, 2],
      [1, 256],
    ],
    /Pixel 1 of row 1/,
  );
  refused([[1, Number.NaN]], /Pixel 1 of row 0/);
  refused([[1, [1, 2, 3]]], /Pixel 1 of row 0.*a number/);
  refused([[[1, 2, 3], 1]], /Pixel 1 of row 0.*red, green, blue/);
  refused([[[1, 2, 3]], [[1, 2]]], /Pixel 0 of row 1/);
  refused(
    [
      [1, 2],
      [3, 4],
    ],
    /2×2 pixels; at most 3/,
    3,
  );
});
