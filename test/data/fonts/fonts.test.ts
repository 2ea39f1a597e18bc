import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { drawFonts } from '../../../src/data/fonts/draw-fonts.ts';
import { splitFonts } from '../../../src/data/fonts/split.ts';
import { boxFont } from './box-font.ts';

const INTER = join(
  dirname(createRequire(import.meta.url).resolve('@fontsource/inter/package.json')),
  'files/inter-latin-',
);
const SIZE = 32;
const BASELINE = 24;
const MARGIN = 2;
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylograph-fonts-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const draw = (place: string, text: string) =>
  drawFonts(place, { characters: [...text], size: SIZE, signal: new AbortController().signal });

/** Creates a folder with files. */
function place(name: string, files: Record<string, string | Uint8Array>): string {
  const own = join(folder, name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(own, file)), { recursive: true });
    if (typeof content === 'string') cpSync(content, join(own, file));
    else writeFileSync(join(own, file), content);
  }
  return own;
}

/** Extent of the ink of at least this level in one of a font's images. */
function extent(images: Uint8Array, at: number, level = 64) {
  const rows: number[] = [];
  const columns: number[] = [];
  for (let i = 0; i < SIZE * SIZE; i++) {
    if (images[at * SIZE * SIZE + i]! < level) continue;
    rows.push(Math.floor(i / SIZE));
    columns.push(i % SIZE);
  }
  return {
    top: Math.min(...rows),
    bottom: Math.max(...rows),
    left: Math.min(...columns),
    right: Math.max(...columns),
  };
}

test('all characters of a font share one scale and one baseline', async () => {
  const { fonts, leftOut } = await draw(place('inter', { 'a.woff': `${INTER}400-normal.woff` }), 'HxgW');
  assert.deepEqual(leftOut, []);
  const [font] = fonts;
  assert.deepEqual([font!.family, font!.style, font!.images.length], ['Inter', 'Regular', 4 * SIZE * SIZE]);
  const [H, x, g, W] = [0, 1, 2, 3].map((at) => extent(font!.images, at));
  for (const flat of [H!, x!, W!]) assert.equal(flat.bottom, BASELINE - 1);
  assert.ok(g!.bottom > BASELINE && g!.bottom < SIZE - 1);
  // Inter's x-height is three quarters of its capitals', and its W is wider than its H: none is stretched.
  const ratio = (BASELINE - x!.top) / (BASELINE - H!.top);
  assert.ok(ratio > 0.68 && ratio < 0.82, String(ratio));
  assert.ok(W!.right - W!.left > 1.2 * (H!.right - H!.left));
  for (const { left, right } of [H!, x!, W!]) assert.ok(Math.abs(left + right - (SIZE - 1)) <= 1);
  const corner = [0, 1, 2, 3].map((at) => font!.images[at * SIZE * SIZE]);
  assert.deepEqual(corner, [0, 0, 0, 0]);
});

test('the scale is the largest at which height, depth and width fit', async () => {
  const files = {
    'tall.otf': boxFont('Tall', { a: [0, 0, 100, 1100], b: [0, -10, 100, 300] }),
    'deep.otf': boxFont('Deep', { a: [0, 0, 100, 300], b: [0, -300, 100, 300] }),
    'wide.otf': boxFont('Wide', { a: [0, 0, 1400, 500], b: [0, -10, 100, 300] }),
  };
  const { fonts } = await draw(place('limits', files), 'ab');
  const of = (family: string, at: number) => extent(fonts.find((font) => font.family === family)!.images, at);
  assert.deepEqual([of('Tall', 0).top, of('Tall', 0).bottom], [MARGIN, BASELINE - 1]);
  assert.equal(of('Deep', 1).bottom, SIZE - MARGIN - 1);
  assert.deepEqual([of('Wide', 0).left, of('Wide', 0).right], [MARGIN, SIZE - MARGIN - 1]);
  // 300 of 1,100 units above the baseline, at the scale of the tallest.
  assert.equal(of('Tall', 1).top, BASELINE - 6);
});

test('unusable fonts are left out by name, and identical characters are reported', async () => {
  const files = {
    'sub/one.otf': boxFont('One', { a: [0, 0, 100, 300], b: [0, 0, 200, 300] }),
    'twin.otf': boxFont('Twin', { a: [0, 0, 100, 300], b: [0, 0, 200, 300] }),
    'lacking.otf': boxFont('Lacking', { a: [0, 0, 100, 300] }),
    'blank.otf': boxFont('Blank', { a: [0, 0, 100, 300], b: null }),
    'same.otf': boxFont('Same', { a: [0, 0, 150, 300], b: [0, 0, 150, 300] }),
    'broken.ttf': new TextEncoder().encode('no font at all'),
    'readme.txt': new TextEncoder().encode('fonts'),
    '.hidden/one.otf': boxFont('Hidden', { a: [0, 0, 100, 200], b: [0, 0, 200, 300] }),
  };
  const { fonts, leftOut, remarks } = await draw(place('doubtful', files), 'ab');
  assert.deepEqual(
    fonts.map(({ file }) => file),
    ['same.otf', 'sub/one.otf'],
  );
  const reasons = Object.fromEntries(leftOut.map(({ file, text }) => [file, text]));
  assert.deepEqual(Object.keys(reasons).sort(), ['blank.otf', 'broken.ttf', 'lacking.otf', 'twin.otf']);
  assert.match(reasons['lacking.otf']!, /lacks b/);
  assert.match(reasons['blank.otf']!, /draws nothing for b/);
  assert.match(reasons['broken.ttf']!, /cannot be read as a font/);
  assert.match(reasons['twin.otf']!, /looks the same as sub\/one.otf/);
  assert.deepEqual(remarks, [{ file: 'same.otf', text: 'draws alike a b' }]);
});

test('a family and its derivatives stay in one part, and the split is always the same', () => {
  const images = (...levels: number[]) => Uint8Array.from(levels);
  const fonts = Array.from({ length: 40 }, (_, at) => ({
    family: `Family ${at >> 1}`,
    images: images(at, 100 + at),
  }));
  // Shares its first character with Family 3.
  const derived = { family: 'Derived', images: images(6, 250) };
  const { designs, parts } = splitFonts([...fonts, derived], 2);
  assert.equal(parts.size, 21);
  assert.equal(parts.get('Derived'), parts.get('Family 3'));
  assert.equal(designs.length, 20);
  const count = (part: string) => designs.filter((design) => design.part === part).length;
  assert.deepEqual([count('test'), count('validation'), count('train')], [2, 2, 16]);
  assert.deepEqual(splitFonts([derived, ...fonts].reverse(), 2).parts.get('Family 7'), parts.get('Family 7'));
  const again = splitFonts([derived, ...fonts].reverse(), 2);
  for (const [family, part] of parts) assert.equal(again.parts.get(family), part);
  const few = splitFonts(fonts.slice(0, 6), 2);
  assert.deepEqual(few.designs.map(({ part }) => part).sort(), ['test', 'train', 'validation']);
});

test('faces of other weights have the name of their family', async () => {
  const files = { 'bold.woff': `${INTER}700-normal.woff`, 'light.woff': `${INTER}300-italic.woff` };
  const { fonts } = await draw(place('weights', files), 'Aa');
  assert.deepEqual(
    fonts.map(({ family, style }) => `${family} ${style}`),
    ['Inter Bold', 'Inter Light Italic'],
  );
  assert.notDeepEqual(fonts[0]!.images, fonts[1]!.images);
});
