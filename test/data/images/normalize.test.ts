import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { decodeImage } from '../../../src/data/images/decode.ts';
import { normalizeImage } from '../../../src/data/images/normalize.ts';
import { encodePng } from '../../../src/data/images/png.ts';
import type { Raster } from '../../../src/data/images/raster.ts';
import { difference, digits, inverted, painted, photographed, png, SPEC } from './digit-pictures.ts';

const COUNT = 12;
let dataDir: string;
let originals: Uint8Array[];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'stylograph-images-'));
  originals = await digits(dataDir, COUNT);
});
after(() => rm(dataDir, { recursive: true, force: true }));

const auto = async (bytes: Uint8Array) => normalizeImage(await decodeImage(bytes), SPEC, 'auto');
const blank = (level: number, side: number): Raster => ({
  width: side,
  height: side,
  channels: 1,
  pixels: new Uint8Array(side * side).fill(level),
});

test("a grey image of the dataset's size, white on black, is not changed", async () => {
  for (const digit of originals) assert.deepEqual(await auto(png(digit)), digit);
  const faint = originals[0]!.map((level) => level >> 5);
  assert.deepEqual(await auto(png(faint)), faint);
});

test('an image from a browser canvas, colour with alpha, is not changed either', async () => {
  const canvas = await sharp(png(originals[0]!)).toColourspace('srgb').ensureAlpha().png().toBuffer();
  assert.deepEqual(await auto(canvas), originals[0]);
});

/** Ways to show a digit, and the limit of the mean difference (of 255) to the original. */
const SHOWN: [name: string, show: (digit: Uint8Array) => Uint8Array | Promise<Uint8Array>, bound: number][] =
  [
    ['inverted', (digit) => png(inverted(digit)), 1],
    ['enlarged ten times', (digit) => png(digit, 10), 1],
    ['enlarged and inverted', (digit) => png(inverted(digit), 10), 1],
    [
      'shifted on a larger sheet',
      (digit) =>
        sharp(png(inverted(digit), 6))
          .extend({ left: 60, top: 130, right: 10, bottom: 5, background: '#fff' })
          .png()
          .toBuffer(),
      1,
    ],
    [
      'blue on cream paper',
      (digit) =>
        encodePng(painted(digit, [30, 40, 160], [250, 240, 220]).pixels, { ...SPEC, channels: 3, scale: 7 }),
      1,
    ],
    [
      'yellow on white',
      (digit) =>
        encodePng(painted(digit, [255, 255, 0], [255, 255, 255]).pixels, { ...SPEC, channels: 3, scale: 7 }),
      1,
    ],
    [
      'white on green',
      (digit) =>
        encodePng(painted(digit, [255, 255, 255], [20, 90, 40]).pixels, { ...SPEC, channels: 3, scale: 5 }),
      1,
    ],
    [
      'a JPEG of low quality',
      (digit) =>
        sharp(png(inverted(digit), 10))
          .jpeg({ quality: 60 })
          .toBuffer(),
      4,
    ],
    [
      'smoothly enlarged',
      (digit) =>
        sharp(png(inverted(digit)))
          .resize(224, 224)
          .png()
          .toBuffer(),
      9,
    ],
    [
      'faint pencil',
      (digit) =>
        png(
          digit.map((level) => 230 - level / 3),
          8,
        ),
      2,
    ],
    ['a photo in uneven light', photographed, 12],
    [
      'ink on nothing',
      (digit) =>
        sharp(
          digit.reduce(
            (rgba, level, at) => rgba.fill(level, at * 4 + 3, at * 4 + 4),
            new Uint8Array(784 * 4),
          ),
          {
            raw: { width: 28, height: 28, channels: 4 },
          },
        )
          .png()
          .toBuffer(),
      1,
    ],
  ];
for (const [name, show, bound] of SHOWN) {
  test(`a digit is recovered from its picture: ${name}`, async () => {
    let sum = 0;
    for (const digit of originals) sum += difference(await auto(await show(digit)), digit);
    // Images of other digits differ by 40 or more.
    assert.ok(sum / COUNT < bound, `mean difference ${sum / COUNT}`);
  });
}

test('a drawing fills a box of 20 pixels and is centred by mass', async () => {
  // An off-centre bar, thicker below.
  const width = 200;
  const pixels = new Uint8Array(width * 120).fill(255);
  for (let y = 20; y < 100; y++) pixels.fill(0, y * width + 20, y * width + (y < 60 ? 30 : 50));
  const out = await normalizeImage({ pixels, width, height: 120, channels: 1 }, SPEC, 'auto');
  const rows = new Set<number>();
  let [mass, momentX, momentY] = [0, 0, 0];
  for (const [at, level] of out.entries()) {
    if (level > 0) rows.add(Math.floor(at / 28));
    mass += level;
    momentX += level * (at % 28);
    momentY += level * Math.floor(at / 28);
  }
  assert.equal(rows.size, 20);
  assert.equal(Math.max(...out), 255);
  assert.ok(Math.abs(momentX / mass - 14) <= 0.5 && Math.abs(momentY / mass - 14) <= 0.5);
});

test('dust beside a drawing is ignored', async () => {
  const clean = await sharp(png(inverted(originals[0]!), 8))
    .extend({ right: 60, background: '#fff' })
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const dusty = Uint8Array.from(clean);
  dusty.fill(0, 100 * 284 + 270, 100 * 284 + 274);
  const fit = (pixels: Uint8Array) =>
    normalizeImage({ pixels, width: 284, height: 224, channels: 1 }, SPEC, 'auto');
  assert.deepEqual(await fit(dusty), await fit(clean));
});

test('blank paper of any tone and size gives a blank image', async () => {
  const none = new Uint8Array(784);
  for (const level of [0, 128, 200, 255]) {
    assert.deepEqual(await normalizeImage(blank(level, 90), SPEC, 'auto'), none, `level ${level}`);
  }
  assert.deepEqual(await normalizeImage(blank(255, 28), SPEC, 'auto'), none);
  assert.deepEqual(await auto(await photographed(new Uint8Array(784))), none);
});

test('tiny and very thin pictures are accepted', async () => {
  for (const [width, height] of [
    [1, 1],
    [2, 1],
    [1, 300],
    [320, 2],
  ] as const) {
    const pixels = Uint8Array.from({ length: width * height }, (_, at) => (at % 2 ? 255 : 0));
    const out = await normalizeImage({ pixels, width, height, channels: 1 }, SPEC, 'auto');
    assert.equal(out.length, 784);
  }
});

test('the box scales with the size of the image', async () => {
  const spec = { width: 56, height: 56, channels: 1 } as const;
  const out = await normalizeImage(await decodeImage(png(inverted(originals[3]!), 10)), spec, 'auto');
  const rows = new Set([...out.keys()].filter((at) => out[at]! > 0).map((at) => Math.floor(at / 56)));
  assert.equal(out.length, 56 * 56);
  assert.ok(rows.size >= 39 && rows.size <= 41, `${rows.size} rows`);
});

test('mode `none` only resizes', async () => {
  const digit = originals[0]!;
  assert.deepEqual(
    await normalizeImage(await decodeImage(png(inverted(digit))), SPEC, 'none'),
    inverted(digit),
  );
  const back = await normalizeImage(await decodeImage(png(inverted(digit), 4)), SPEC, 'none');
  assert.ok(difference(back, inverted(digit)) < 8);
  const red = painted(digit, [255, 0, 0], [0, 0, 0]);
  assert.equal(Math.max(...(await normalizeImage(red, SPEC, 'none'))), Math.round(0.2126 * 255));
});

test('colour images of the own size are not changed, others are padded with their border colour', async () => {
  const spec = { width: 20, height: 20, channels: 3 } as const;
  const own: Raster = { ...spec, pixels: Uint8Array.from({ length: 1200 }, (_, at) => at % 251) };
  assert.deepEqual(await normalizeImage(own, spec, 'auto'), own.pixels);
  const wide = await sharp({ create: { width: 80, height: 40, channels: 3, background: '#204060' } })
    .png()
    .toBuffer();
  const out = await normalizeImage(await decodeImage(wide), spec, 'auto');
  for (let at = 0; at < out.length; at += 3)
    assert.deepEqual([...out.subarray(at, at + 3)], [0x20, 0x40, 0x60]);
  assert.deepEqual(await normalizeImage({ ...blank(77, 20) }, spec, 'auto'), new Uint8Array(1200).fill(77));
});

test('whole pictures keep position and size, and ink on paper is inverted', async () => {
  const spec = { width: 32, height: 32, channels: 1 } as const;
  // A bar in the upper left of a frame four times as large.
  const dark = Uint8Array.from({ length: 128 * 128 }, (_, at) => {
    const [x, y] = [at % 128, Math.floor(at / 128)];
    return x >= 8 && x < 16 && y >= 20 && y < 60 ? 255 : 0;
  });
  const wanted = Array.from({ length: 32 * 32 }, (_, at) => {
    const [x, y] = [at % 32, Math.floor(at / 32)];
    return x >= 2 && x < 4 && y >= 5 && y < 15;
  });
  const isInk = (pixels: Uint8Array): boolean[] => Array.from(pixels, (level) => level > 128);
  const frame = { width: 128, height: 128, channels: 1 } as const;
  const whole = (pixels: Uint8Array) => normalizeImage({ ...frame, pixels }, spec, 'auto', 'whole');
  assert.deepEqual(isInk(await whole(dark)), wanted);
  assert.deepEqual(isInk(await whole(dark.map((level) => 255 - level))), wanted);
  const boxed = await normalizeImage({ ...frame, pixels: dark }, spec, 'auto');
  assert.notDeepEqual(isInk(boxed), wanted);
  const own: Raster = { ...spec, pixels: Uint8Array.from({ length: 1024 }, (_, at) => (at * 7) % 200) };
  assert.deepEqual(await normalizeImage(own, spec, 'auto', 'whole'), own.pixels);
  assert.deepEqual(
    await normalizeImage(blank(255, 64), spec, 'auto', 'whole'),
    new Uint8Array(1024).fill(255),
  );
});
