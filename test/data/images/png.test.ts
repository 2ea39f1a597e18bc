import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { decodeImage } from '../../../src/data/images/decode.ts';
import { encodePng, encodePngAsync } from '../../../src/data/images/png.ts';

const grey = Uint8Array.from({ length: 12 }, (_, at) => at * 20);
const size = { width: 4, height: 3 } as const;

/** Type and data of each chunk of a PNG, as Latin-1. */
function chunks(png: Buffer): [type: string, data: string][] {
  const found: [string, string][] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const end = at + 8 + png.readUInt32BE(at);
    found.push([png.toString('latin1', at + 4, at + 8), png.toString('latin1', at + 8, end)]);
  }
  return found;
}

test('another decoder reads the same grey and RGB pixels', async () => {
  const rgb = Uint8Array.from({ length: 36 }, (_, at) => at * 7);
  assert.deepEqual(await decodeImage(encodePng(grey, { ...size, channels: 1 })), {
    ...size,
    channels: 1,
    pixels: grey,
  });
  assert.deepEqual(await decodeImage(encodePng(rgb, { ...size, channels: 3 })), {
    ...size,
    channels: 3,
    pixels: rgb,
  });
});

test('images of one pixel and of a million are valid', async () => {
  assert.deepEqual(
    (await decodeImage(encodePng(Uint8Array.of(9), { width: 1, height: 1, channels: 1 }))).pixels,
    Uint8Array.of(9),
  );
  const { width, height } = await sharp(
    encodePng(new Uint8Array(1500 * 900 * 3), { width: 1500, height: 900, channels: 3 }),
  ).metadata();
  assert.deepEqual([width, height], [1500, 900]);
});

test('scale enlarges every pixel', async () => {
  const { pixels, ...large } = await decodeImage(encodePng(grey, { ...size, channels: 1, scale: 3 }));
  assert.deepEqual(large, { width: 12, height: 9, channels: 1 });
  for (const [at, level] of pixels.entries()) {
    assert.equal(level, grey[Math.floor(at / 36) * 4 + Math.floor((at % 12) / 3)]);
  }
});

test('the same input gives the same bytes', () => {
  const encode = () => encodePng(grey, { ...size, channels: 1, scale: 5, text: { seed: '7' } });
  assert.deepEqual(encode(), encode());
});

test('asynchronous encoding gives the same bytes and does not block the event loop', async () => {
  const large = { width: 1200, height: 900, channels: 3 as const, text: { seed: '7' } };
  const pixels = Uint8Array.from({ length: 1200 * 900 * 3 }, (_, i) => (i * i) >> 9);
  let turns = 0;
  setImmediate(() => turns++);
  const aside = await encodePngAsync(pixels, large);
  assert.equal(turns, 1);
  assert.ok(aside.equals(encodePng(pixels, large)));
  const small = { ...size, channels: 1 as const, scale: 3 };
  assert.ok((await encodePngAsync(grey, small)).equals(encodePng(grey, small)));
  await assert.rejects(encodePngAsync(grey, { ...large, channels: 1 }), RangeError);
});

test('text chunks keep their order and are read by another decoder', async () => {
  const png = encodePng(grey, { ...size, channels: 1, text: { digest: 'abc', label: 'été', seed: '7' } });
  assert.deepEqual(chunks(png).slice(1, 4), [
    ['tEXt', 'digest\0abc'],
    ['tEXt', 'label\0été'],
    ['tEXt', 'seed\x007'],
  ]);
  const comments = (await sharp(png, { failOn: 'warning' }).metadata()).comments ?? [];
  assert.deepEqual(
    comments.map(({ keyword }) => keyword),
    ['digest', 'label', 'seed'],
  );
});

test('text beyond Latin-1 is written as an iTXt chunk', () => {
  const png = encodePng(grey, { ...size, channels: 1, text: { label: '三' } });
  const [, [type, data] = ['', '']] = chunks(png);
  assert.equal(type, 'iTXt');
  assert.ok(Buffer.from(data, 'latin1').toString('utf8').endsWith('三'));
});

test('wrong sizes and bad keywords are refused', () => {
  assert.throws(() => encodePng(grey, { width: 4, height: 4, channels: 1 }), RangeError);
  assert.throws(() => encodePng(grey, { ...size, channels: 1, text: { '': 'x' } }), RangeError);
  assert.throws(() => encodePng(grey, { ...size, channels: 1, text: { 三: 'x' } }), RangeError);
});
