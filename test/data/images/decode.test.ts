import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { decodeImage } from '../../../src/data/images/decode.ts';
import { encodePng } from '../../../src/data/images/png.ts';

const size = { width: 6, height: 4 } as const;
const grey = Uint8Array.from({ length: 24 }, (_, at) => at * 10);
const greyPng = encodePng(grey, { ...size, channels: 1 });
const flat = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

test('PNG of other bit depths decodes to the same levels', async () => {
  const deep = await sharp(greyPng).toColourspace('grey16').png().toBuffer();
  const rgb16 = await sharp(greyPng).toColourspace('rgb16').png().toBuffer();
  const palette = await sharp(greyPng).png({ palette: true }).toBuffer();
  for (const bytes of [greyPng, deep, rgb16, palette]) {
    assert.deepEqual(await decodeImage(bytes), { ...size, channels: 1, pixels: grey });
  }
  const oneBit = await sharp(greyPng)
    .threshold(100)
    .toColourspace('b-w')
    .png({ palette: true, colours: 2 })
    .toBuffer();
  assert.deepEqual(
    (await decodeImage(oneBit)).pixels,
    grey.map((level) => (level >= 100 ? 255 : 0)),
  );
});

test('JPEG and WebP decode, grey and in colour', async () => {
  for (const bytes of [
    await flat(9, 5, '#fff').jpeg().toBuffer(),
    await flat(9, 5, '#fff').webp().toBuffer(),
  ]) {
    const { pixels, ...rest } = await decodeImage(bytes);
    assert.deepEqual(rest, { width: 9, height: 5, channels: 1 });
    assert.ok(pixels.every((level) => level >= 253));
  }
  const { channels, pixels } = await decodeImage(await flat(9, 5, '#c00').jpeg().toBuffer());
  assert.equal(channels, 3);
  assert.ok(Math.abs(pixels[0]! - 0xcc) < 8 && pixels[1]! < 8 && pixels[2]! < 8);
});

test('a CMYK photo becomes RGB', async () => {
  const cmyk = await flat(8, 8, '#ffffff').toColourspace('cmyk').jpeg().toBuffer();
  const { pixels, channels } = await decodeImage(cmyk);
  assert.ok(pixels.length === 64 * channels && pixels.every((level) => level > 240));
});

test('the EXIF orientation is applied', async () => {
  const left = encodePng(
    grey.map((_, at) => (at % 6 < 3 ? 255 : 0)),
    { ...size, channels: 1 },
  );
  const turned = await sharp(left).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
  const { width, height, pixels } = await decodeImage(turned);
  assert.deepEqual([width, height], [4, 6]);
  assert.ok(pixels[0]! > 200 && pixels.at(-1)! < 50, 'the left half is on top');
});

test('transparent areas become white behind dark ink and black behind light ink', async () => {
  const ink = (level: number, alphaOf: (at: number) => number) =>
    sharp(
      Uint8Array.from({ length: 400 }, (_, at) => (at % 4 === 3 ? alphaOf(at >> 2) : level)),
      {
        raw: { width: 10, height: 10, channels: 4 },
      },
    )
      .png()
      .toBuffer();
  const few = (at: number) => (at === 55 ? 255 : 0);
  const most = (at: number) => (at === 0 ? 0 : 255);
  assert.equal((await decodeImage(await ink(0, few))).pixels[0], 255);
  assert.equal((await decodeImage(await ink(255, few))).pixels[0], 0);
  assert.equal((await decodeImage(await ink(20, most))).pixels[0], 255);
  assert.equal((await decodeImage(await ink(0, () => 0))).pixels[0], 0);
});

test('transparent corners of a drawing on paper take the tone of the paper', async () => {
  const rgba = new Uint8Array(400).fill(255);
  for (let at = 40; at < 60; at++) rgba.fill(0, at * 4, at * 4 + 3);
  rgba[3] = 0;
  const bytes = await sharp(rgba, { raw: { width: 10, height: 10, channels: 4 } })
    .png()
    .toBuffer();
  const { pixels } = await decodeImage(bytes);
  assert.deepEqual([pixels[0], pixels[45]], [255, 0]);
});

test('only the first frame of an animation is read', async () => {
  const frames = await Promise.all(
    ['#ffffff', '#000000'].map((colour) => flat(5, 5, colour).png().toBuffer()),
  );
  const animation = await sharp(frames, { join: { animated: true } })
    .webp({ lossless: true })
    .toBuffer();
  assert.equal((await sharp(animation).metadata()).pages, 2);
  const { height, pixels } = await decodeImage(animation);
  assert.equal(height, 5);
  assert.ok(pixels.every((level) => level === 255));
});

test('a large picture is shrunk in proportion', async () => {
  const { width, height } = await decodeImage(await flat(2000, 1000, '#888').png().toBuffer());
  assert.deepEqual([width, height], [320, 160]);
});

test('images beyond the limits of pixels and bytes are refused with the limit', async () => {
  const bomb = await flat(4100, 4100, '#000').png().toBuffer();
  await assert.rejects(decodeImage(bomb), { code: 'invalid_image', message: /4100×4100.*16000000/ });
  await assert.rejects(decodeImage(greyPng, { maxPixels: 23 }), {
    code: 'invalid_image',
    message: /6×4.*23/,
  });
  await assert.rejects(decodeImage(greyPng, { maxBytes: 10 }), {
    code: 'invalid_image',
    message: /at most 10/,
  });
});

test('damaged files and unsupported formats are refused', async () => {
  const photo = await sharp(greyPng).resize(300, 200).jpeg().toBuffer();
  const webp = await sharp(greyPng).resize(300, 200).webp().toBuffer();
  const large = await sharp(greyPng).resize(300, 200).png().toBuffer();
  const flipped = Buffer.from(large);
  flipped.fill(0x5a, 60, 400);
  for (const bytes of [photo, webp, large]
    .map((whole) => whole.subarray(0, whole.length / 2))
    .concat(flipped)) {
    await assert.rejects(decodeImage(bytes), { code: 'invalid_image', message: /damaged or incomplete/ });
  }
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="5" height="5"/>');
  const gif = await sharp(greyPng).gif().toBuffer();
  for (const bytes of [svg, gif, Buffer.from('hello'), new Uint8Array()]) {
    await assert.rejects(decodeImage(bytes), { code: 'invalid_image', message: /not a PNG, JPEG or WebP/ });
  }
  await assert.rejects(decodeImage(greyPng.subarray(0, 8)), { code: 'invalid_image' });
});
