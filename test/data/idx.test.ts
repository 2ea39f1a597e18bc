import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parseIdxImages, parseIdxLabels } from '../../src/data/idx.ts';
import { idx } from './mnist-files.ts';

const origin = { file: 'some/file', remedy: 'Replace it.' };
const body = Uint8Array.from({ length: 12 }, (_, index) => index);

test('images have the sizes of the header', () => {
  const images = parseIdxImages(idx([2, 2, 3], body), origin);
  assert.deepEqual(
    { ...images, pixels: [...images.pixels] },
    { count: 2, height: 2, width: 3, pixels: [...body] },
  );
});

test('gzipped files are recognised by their bytes', () => {
  assert.deepEqual([...parseIdxLabels(gzipSync(idx([12], body)), origin)], [...body]);
});

test('a file without items is valid', () => {
  assert.equal(parseIdxLabels(idx([0], new Uint8Array()), origin).length, 0);
});

const damaged: [name: string, bytes: Uint8Array, code: string, ...numbers: string[]][] = [
  ['an empty file', new Uint8Array(), 'idx_truncated', '16 bytes', 'found 0'],
  ['a file that ends inside its header', idx([2, 2, 3], body).subarray(0, 10), 'idx_truncated', '16', '10'],
  ['a file that ends inside its pixels', idx([2, 2, 3], body).subarray(0, 27), 'idx_truncated', '28', '27'],
  [
    'a file with bytes after its pixels',
    Buffer.concat([idx([2, 2, 3], body), body]),
    'idx_trailing_bytes',
    '28',
    '40',
  ],
  ['labels instead of images', idx([12], body), 'idx_bad_magic', '0x00000801', '0x00000803'],
  ['another element type', idx([2, 2, 3], body, 0x0d03), 'idx_bad_magic', '0x00000d03', '0x00000803'],
  ['a web page saved under the name', Buffer.from('<!DOCTYPE html>'), 'idx_bad_magic', '0x00000803'],
  ['sizes that overflow 32 bits', idx([2 ** 31, 2 ** 31, 4], body), 'idx_truncated', 'found 28'],
  ['images without width', idx([2, 2, 0], new Uint8Array()), 'dataset_corrupt', '0×2'],
  ['damaged gzip', gzipSync(idx([2, 2, 3], body)).fill(0x55, 12), 'dataset_corrupt', 'decompressed'],
  ['truncated gzip', gzipSync(idx([2, 2, 3], body)).subarray(0, 20), 'dataset_corrupt', 'decompressed'],
];
for (const [name, bytes, code, ...numbers] of damaged) {
  test(`${name} is refused as ${code}, naming the file, the numbers and the remedy`, () => {
    assert.throws(
      () => parseIdxImages(bytes, origin),
      (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        for (const part of ['some/file', 'Replace it.', ...numbers])
          assert.ok(error.message.includes(part), error.message);
        return true;
      },
    );
  });
}
