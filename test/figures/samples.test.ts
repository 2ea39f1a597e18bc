import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import type { SampleSheet } from '../../src/core/contracts/figures.ts';
import { drawSampleSheet } from '../../src/figures/draw-sheets.ts';
import { textPath, textWidth } from '../../src/figures/text.ts';

const DIGITS = Array.from({ length: 10 }, (_, label) => String(label));
const SPEC = { width: 28, height: 28, channels: 1 as const, labels: DIGITS };

/** `count` images, each with a square of full ink that moves right with the image's index. */
function squares(count: number): Uint8Array {
  const pixels = new Uint8Array(count * 784);
  for (let index = 0; index < count; index++) {
    for (let y = 5; y < 15; y++) {
      const start = index * 784 + y * 28 + 5 + (index % 9);
      pixels.fill(255, start, start + 10);
    }
  }
  return pixels;
}

const SHEETS: SampleSheet[] = [
  { kind: 'labels', pixels: squares(10), count: 10 },
  { kind: 'reconstructions', originals: squares(10), reconstructions: squares(10).reverse(), count: 10 },
  { kind: 'manifold', label: 3, size: 15, pixels: squares(225) },
  { kind: 'scatter', label: 3, points: Float32Array.of(0, 0, 3, -2, 9, 9, Number.NaN, 0) },
];

async function decoded(png: Uint8Array) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [
    ...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3),
  ];
  return { width: info.width, height: info.height, channels: info.channels, at };
}

for (const sheet of SHEETS) {
  test(`${sheet.kind} is drawn as an RGB picture on white with the same bytes every time`, async () => {
    const { png, kind, label } = await drawSampleSheet(sheet, SPEC);
    assert.deepEqual((await drawSampleSheet(structuredClone(sheet), SPEC)).png, png);
    assert.deepEqual([kind, label], [sheet.kind, 'label' in sheet ? 3 : undefined]);
    const { channels, at, width, height } = await decoded(png);
    assert.equal(channels, 3);
    assert.deepEqual(
      [at(0, 0), at(width - 1, height - 1)],
      [
        [255, 255, 255],
        [255, 255, 255],
      ],
    );
  });
}

test('labels are drawn in columns, black on white, enlarged three times', async () => {
  const { png } = await drawSampleSheet(SHEETS[0]!, SPEC);
  const { width, height, at } = await decoded(png);
  assert.deepEqual([width, height], [10 * 84 + 9 * 2 + 24, 84 + 20 + 24]);
  for (let label = 0; label < 10; label++) {
    const [left, top] = [12 + label * 86, 32];
    assert.deepEqual(at(left + (6 + (label % 9)) * 3, top + 30), [0, 0, 0]);
    assert.deepEqual(at(left + 3, top + 30), [255, 255, 255]);
  }
});

test('further images of each label make further rows, and labels that do not fit a row have a row each', async () => {
  const twoRows = await decoded(
    (await drawSampleSheet({ kind: 'labels', pixels: squares(20), count: 20 }, SPEC)).png,
  );
  assert.equal(twoRows.height, 2 * 84 + 2 + 20 + 24);
  const many = { ...SPEC, labels: Array.from({ length: 26 }, (_, label) => `letter ${label}`) };
  const letters = await decoded(
    (await drawSampleSheet({ kind: 'labels', pixels: squares(52), count: 52 }, many)).png,
  );
  const left = 24 + Math.ceil(Math.max(...many.labels.map((name) => textWidth(name, 13))));
  assert.deepEqual([letters.width, letters.height], [left + 2 * 84 + 2 + 12, 26 * 84 + 25 * 2 + 24]);
  // The second image of the second label has index 27: its square is moved by 27 mod 9.
  assert.deepEqual(letters.at(left + 86 + (6 + (27 % 9)) * 3, 12 + 86 + 30), [0, 0, 0]);
  assert.deepEqual(letters.at(left + 3, 12 + 86 + 30), [255, 255, 255]);
});

test('originals are above their reconstructions', async () => {
  const originals = new Uint8Array(7840).fill(255);
  const sheet = {
    kind: 'reconstructions',
    originals,
    reconstructions: new Uint8Array(7840),
    count: 10,
  } as const;
  const { width, height, at } = await decoded((await drawSampleSheet(sheet, SPEC)).png);
  assert.deepEqual(at(width - 50, 40), [0, 0, 0]);
  assert.deepEqual(at(width - 50, height - 40), [255, 255, 255]);
});

test('more than ten reconstructions continue in further rows', async () => {
  const sheet = {
    kind: 'reconstructions',
    originals: squares(12),
    reconstructions: squares(12),
    count: 12,
  } as const;
  const ten = await decoded((await drawSampleSheet(SHEETS[1]!, SPEC)).png);
  const twelve = await decoded((await drawSampleSheet(sheet, SPEC)).png);
  assert.equal(twelve.width, ten.width);
  assert.ok(twelve.height > 1.8 * ten.height);
});

test('a manifold keeps the order of its rows and columns', async () => {
  const pixels = new Uint8Array(4 * 784);
  pixels.fill(255, 784, 2 * 784);
  const { width, height, at } = await decoded(
    (await drawSampleSheet({ kind: 'manifold', label: 0, size: 2, pixels }, SPEC)).png,
  );
  assert.equal(width, height);
  assert.deepEqual(at(Math.floor(width * 0.75), Math.floor(height * 0.25)), [0, 0, 0]);
  for (const [x, y] of [
    [0.25, 0.25],
    [0.25, 0.75],
    [0.75, 0.75],
  ] as const) {
    assert.deepEqual(at(Math.floor(width * x), Math.floor(height * y)), [255, 255, 255]);
  }
});

test('a scatter plot draws each point at its value in the accent colour', async () => {
  const draw = async (...points: number[]) =>
    decoded(
      (await drawSampleSheet({ kind: 'scatter', label: 3, points: Float32Array.from(points) }, SPEC)).png,
    );
  // −5 … 5 over 420 pixels from (52, 46); the second dimension grows upwards.
  const place = (x: number, y: number) => [52 + (x + 5) * 42, 46 + (5 - y) * 42] as const;
  const isPoint = ([red = 0, , blue = 0]: number[]) => blue - red > 50;
  const picture = await draw(3.5, -2.5);
  assert.ok(isPoint(picture.at(...place(3.5, -2.5))));
  assert.ok(!isPoint(picture.at(...place(3.5, 2.5))));
  assert.ok(!isPoint((await draw()).at(...place(3.5, -2.5))));
});

test('colour images are not inverted', async () => {
  const spec = { ...SPEC, channels: 3 as const };
  const pixels = new Uint8Array(10 * 784 * 3);
  for (let at = 0; at < pixels.length; at += 3) pixels.set([200, 30, 60], at);
  const { at } = await decoded((await drawSampleSheet({ kind: 'labels', pixels, count: 10 }, spec)).png);
  assert.deepEqual(at(50, 70), [200, 30, 60]);
});

test('text becomes a path, aligned at its end and within its width', () => {
  assert.ok(textWidth('10', 12) > textWidth('1', 12));
  const path = textPath('Label 3', { x: 50, y: 20, size: 12, anchor: 'end', fill: '#000' });
  assert.match(path, /^<path d="M[^"]+" fill="#000"\/>$/);
  assert.ok(!path.includes('NaN'));
  const xs = [...path.matchAll(/[ML](-?[\d.]+)/g)].map(([, x]) => Number(x));
  assert.ok(Math.max(...xs) <= 50 && Math.min(...xs) >= 50 - textWidth('Label 3', 12));
});
