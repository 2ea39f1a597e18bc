import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import type { FigureSheet } from '../../src/core/contracts/figures.ts';
import { describeFigure, figureFile, parseFigureFile } from '../../src/core/contracts/figures.ts';
import { drawFigureSheet } from '../../src/figures/draw-sheets.ts';

const DIGITS = Array.from({ length: 10 }, (_, label) => String(label));
const SPEC = { width: 28, height: 28, channels: 1 as const, labels: DIGITS };

/** `count` images that are ink all over, or paper where `blank` says so. */
function inked(count: number, blank: (index: number) => boolean = () => false): Uint8Array {
  const pixels = new Uint8Array(count * 784).fill(255);
  for (let i = 0; i < count; i++) if (blank(i)) pixels.fill(0, i * 784, (i + 1) * 784);
  return pixels;
}

const cloud = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * 7) * 3);
const SHEETS: FigureSheet[] = [
  { kind: 'reconstructions', originals: inked(10), reconstructions: inked(10), count: 10 },
  { kind: 'labels', pixels: inked(100), count: 100 },
  { kind: 'manifold', label: 3, size: 15, pixels: inked(225) },
  { kind: 'style-transfer', label: 7, originals: inked(10), pixels: inked(100), columns: 10 },
  { kind: 'scatter', label: 3, points: cloud },
  { kind: 'scatter-all', groups: DIGITS.map(() => cloud) },
  {
    kind: 'losses',
    series: {
      ganLoss: Array.from({ length: 900 }, (_, i) => [i, i === 5 ? null : 0.05 + 0.01 * Math.sin(i)]),
      pixelLoss: Array.from({ length: 900 }, (_, i) => [i, 200 * Math.exp(-i / 60) + 1]),
      klLoss: [[1, 2]],
    },
  },
];

for (const sheet of SHEETS) {
  test(`${sheet.kind}: plain, dense and, where it is a plot, SVG; the same bytes every time`, async () => {
    const drawn = await drawFigureSheet(sheet, SPEC);
    const again = await drawFigureSheet(structuredClone(sheet), SPEC);
    assert.deepEqual(again, drawn);
    const [plain, dense, svg] = drawn;
    const [small, large] = [await sharp(plain!.bytes).metadata(), await sharp(dense!.bytes).metadata()];
    assert.deepEqual([plain!.scale, dense!.scale], [1, 2]);
    assert.deepEqual([large.width, large.height], [2 * small.width, 2 * small.height]);
    assert.ok(small.width >= 480 && small.width <= 760, `${small.width} pixels wide`);
    assert.equal(svg !== undefined, ['scatter', 'scatter-all', 'losses'].includes(sheet.kind));
    if (svg) {
      const text = Buffer.from(svg.bytes).toString();
      assert.ok(!/NaN|undefined|<text|href/.test(text), 'drawn in full, with paths for letters');
      assert.deepEqual((await sharp(svg.bytes).metadata()).width, small.width);
    }
  });
}

test('style transfer: the row of the sources shows the sources', async () => {
  const sheet: FigureSheet = {
    kind: 'style-transfer',
    label: 7,
    originals: inked(10),
    pixels: inked(100, () => true),
    columns: 10,
  };
  const [{ bytes } = assert.fail()] = await drawFigureSheet(sheet, SPEC);
  const { data, info } = await sharp(bytes).greyscale().raw().toBuffer({ resolveWithObject: true });
  const ink = DIGITS.map((_, row) => {
    const y = 42 + row * 58 + 28;
    return data[y * info.width + Math.round(info.width / 2) + 12]! < 128;
  });
  assert.deepEqual(
    ink,
    DIGITS.map((_, row) => row === 7),
  );
});

test('labels of many letters and of one, and no metrics at all, are drawn as well', async () => {
  const labels = ['T-shirt/top', 'Ankle boot'];
  const spec = { ...SPEC, labels };
  for (const sheet of [
    { kind: 'labels', pixels: inked(20), count: 20 },
    { kind: 'style-transfer', label: 1, originals: inked(3), pixels: inked(6), columns: 3 },
    { kind: 'scatter-all', groups: [cloud, new Float32Array()] },
    { kind: 'losses', series: {} },
    { kind: 'losses', series: { ganLoss: [[1, null]] } },
  ] satisfies FigureSheet[]) {
    for (const { bytes } of await drawFigureSheet(sheet, spec)) assert.ok(bytes.length > 500);
  }
});

test('a file name tells what its figure is, and back', () => {
  const names = [
    { kind: 'labels', extension: 'png' },
    { kind: 'style-transfer', label: 7, scale: 2, extension: 'png' },
    { kind: 'manifold', label: 3, iteration: 300, extension: 'png' },
    { kind: 'scatter', label: 12, extension: 'svg' },
  ] as const;
  assert.deepEqual(names.map(figureFile), [
    'labels.png',
    'style-transfer-7@2x.png',
    'manifold-3-000000300.png',
    'scatter-12.svg',
  ]);
  for (const name of names) assert.equal(figureFile(parseFigureFile(figureFile(name))!), figureFile(name));
  assert.equal(describeFigure('run', 'notes.txt'), undefined);
});
