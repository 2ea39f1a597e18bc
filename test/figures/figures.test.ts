import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import type { FigureSheet } from '../../src/core/contracts/figures.ts';
import { describeFigure, figureFile, parseFigureFile } from '../../src/core/contracts/figures.ts';
import type { ImageSpec } from '../../src/core/contracts/model.ts';
import { COLOURS } from '../../src/figures/canvas.ts';
import { drawFigureSheet } from '../../src/figures/draw-sheets.ts';
import { textPath, textWidth } from '../../src/figures/text.ts';

const DIGITS = Array.from({ length: 10 }, (_, label) => String(label));
const SPEC = { width: 28, height: 28, channels: 1 as const, labels: DIGITS };

/** `count` images of full ink, or of paper where `blank` says so. */
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
  test(`${sheet.kind} is drawn for normal and dense screens, plots as SVG too, with the same bytes every time`, async () => {
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

test('the row of the sources in a style transfer shows the sources', async () => {
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

/** The first picture of a figure: its size, and whether a pixel is ink. */
async function picture(sheet: FigureSheet, spec: ImageSpec) {
  const [plain = assert.fail(), ...others] = await drawFigureSheet(sheet, spec);
  const { data, info } = await sharp(plain.bytes).greyscale().raw().toBuffer({ resolveWithObject: true });
  const isInk = (x: number, y: number): boolean => data[y * info.width + x]! < 64;
  const svg = others.find(({ extension }) => extension === 'svg');
  return { width: info.width, height: info.height, isInk, svg: svg && Buffer.from(svg.bytes).toString() };
}

const CLOTHES = { ...SPEC, labels: ['T-shirt/top', 'Ankle boot'] };
const LEFT = 14 + Math.ceil(textWidth('T-shirt/top', 14)) + 10;

test('labels with long names have a row each, right of the names', async () => {
  // Images alternate between the labels: those of the second label are blank.
  const pixels = inked(20, (index) => index % 2 === 1);
  const { width, height, isInk } = await picture({ kind: 'labels', pixels, count: 20 }, CLOTHES);
  assert.deepEqual([width, height], [LEFT + 10 * 58 - 2 + 14, 42 + 2 * 58 - 2 + 14]);
  for (let column = 0; column < 10; column++) {
    const x = LEFT + column * 58 + 28;
    assert.deepEqual([isInk(x, 42 + 28), isInk(x, 42 + 58 + 28)], [true, false], `column ${column}`);
  }
});

test('a style transfer of three sources has three columns and a row per label', async () => {
  const sheet: FigureSheet = {
    kind: 'style-transfer',
    label: 1,
    originals: inked(3, (index) => index === 0),
    pixels: inked(6),
    columns: 3,
  };
  const { width, height, isInk } = await picture(sheet, CLOTHES);
  assert.deepEqual([width, height], [LEFT + 2 + 3 * 58 - 2 + 14, 42 + 2 * 58 - 2 + 14]);
  const row = (y: number) => [0, 1, 2].map((column) => isInk(LEFT + 2 + column * 58 + 28, y));
  assert.deepEqual(
    [row(42 + 28), row(42 + 58 + 28)],
    [
      [true, true, true],
      [false, true, true],
    ],
  );
});

test('a label without images has a legend entry but no marks in the plot of all labels', async () => {
  const { svg } = await picture({ kind: 'scatter-all', groups: [cloud, new Float32Array()] }, CLOTHES);
  const fills = (colour: string) => svg!.split(`fill="${colour}"`).length - 1;
  // The first label has 30 circles in the plot and one in the legend, the second one triangle in the legend.
  assert.deepEqual([fills('#332288'), fills('#cc6677')], [31, 1]);
  for (const [label, name] of CLOTHES.labels.entries()) {
    const place = { x: 52 + label * 210 + 16, y: 522 + 6 + 5, size: 13, fill: COLOURS.ink };
    assert.ok(svg!.includes(textPath(name, place)), name);
  }
});

test('losses without values say that nothing was measured', async () => {
  const sheets: FigureSheet[] = [
    { kind: 'losses', series: {} },
    { kind: 'losses', series: { ganLoss: [[1, null]] } },
  ];
  for (const sheet of sheets) {
    const { svg } = await picture(sheet, CLOTHES);
    assert.ok(
      svg!.includes(textPath('Nothing was measured.', { x: 14, y: 74, size: 14, fill: COLOURS.muted })),
    );
    assert.ok(!svg!.includes('clip-path'), 'there is no panel');
  }
});

test('losses have an axis from their first to their last iteration and a panel per series', async () => {
  const sheet: FigureSheet = {
    kind: 'losses',
    series: {
      ganLoss: [
        [0, 1],
        [400, 2],
      ],
      klLoss: [
        [0, 3],
        [400, 4],
      ],
    },
  };
  const { svg } = await picture(sheet, CLOTHES);
  assert.equal(svg!.split('<clipPath').length - 1, 2);
  const label = { size: 12, fill: COLOURS.muted, anchor: 'middle', y: 74 + 128 + 17 } as const;
  for (const [iteration, x] of [
    [0, 50],
    [200, 50 + 145],
    [400, 50 + 290],
  ] as const) {
    assert.ok(svg!.includes(textPath(String(iteration), { ...label, x })), `tick ${iteration}`);
  }
});

test('a figure is described by its file name, and other files are not figures', () => {
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
