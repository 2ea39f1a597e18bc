import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { DrawnFont } from '../src/data/fonts/draw-fonts.ts';
import { tileImages } from '../src/data/images/tiling.ts';
import { COLOURS, type Panel, renderFigure } from '../src/figures/canvas.ts';
import { textPath } from '../src/figures/text.ts';
import { imagesOf, openFontModel, restyle } from './lib/fonts.ts';

/**
 * The README's picture of fonts: node --import tsx scripts/fonts-picture.ts latest --fonts fonts --data-dir data --out docs/images/fonts.png
 *
 * Of the families that were held out for tests the first by name, each in its regular face where there is one; the letter
 * that is given has a stem, a bowl and a leg. Nothing is chosen by how it looks.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    fonts: { type: 'string' },
    'data-dir': { type: 'string', default: process.env.DATA_DIR ?? 'data' },
    families: { type: 'string', default: '3' },
    given: { type: 'string', default: 'R' },
    out: { type: 'string', default: 'docs/images/fonts.png' },
  },
});
if (values.fonts === undefined)
  throw new Error('Name the folder of fonts that the dataset was made of: --fonts FOLDER');

const LEFT = 150;
const COLUMNS = 31;
const GAP = 14;
const CAPTION = 20;

const opened = await openFontModel(positionals[0] ?? 'latest', values.fonts, values['data-dir']);
const { labels, width: size } = opened.record.image;
const given = labels.indexOf(values.given);
if (given < 0) throw new Error(`The model has no label ${values.given}.`);
const lines = Math.ceil(labels.length / COLUMNS);
const blockHeight = CAPTION + 2 * lines * size + GAP;

/** Dark on paper, all labels in lines. */
function sheet(images: Uint8Array): Panel['raster'] {
  const blank = new Uint8Array(size * size);
  const all = Array.from({ length: lines * COLUMNS }, (_, at) =>
    at < labels.length ? imagesOf({ images }, [at], size * size) : blank,
  );
  const tiled = tileImages(all, { width: size, height: size, channels: 1, columns: COLUMNS });
  return { ...tiled, channels: 3, pixels: inked(tiled.pixels) };
}

const inked = (grey: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: grey.length * 3 }, (_, at) => 255 - grey[Math.floor(at / 3)]!);

/** Regular faces before others, as their names sort. */
function firstFaces(fonts: readonly DrawnFont[], count: number): DrawnFont[] {
  const families = [...new Set(fonts.map(({ family }) => family))].sort().slice(0, count);
  return families.map((family) => {
    const faces = fonts.filter((font) => font.family === family);
    return faces.find(({ style }) => style === 'Regular') ?? faces[0]!;
  });
}

const enlargedGiven = (font: DrawnFont): Panel['raster'] => {
  const pixels = imagesOf(font, [given], size * size);
  const side = 2 * size;
  const large = Uint8Array.from({ length: side * side }, (_, at) => {
    const [x, y] = [at % side, Math.floor(at / side)];
    return pixels[(y >> 1) * size + (x >> 1)]!;
  });
  return { width: side, height: side, channels: 3, pixels: inked(large) };
};

const fonts = firstFaces(opened.test, Number(values.families));
const panels: Panel[] = [];
const svg: string[] = [];
for (const [turn, font] of fonts.entries()) {
  const top = GAP + turn * blockHeight;
  const made = top + CAPTION;
  const truth = made + lines * size;
  panels.push(
    { raster: enlargedGiven(font), left: 12, top: made + size / 2 },
    { raster: sheet(restyle(opened, font, [given])), left: LEFT, top: made },
    { raster: sheet(font.images), left: LEFT, top: truth },
  );
  const text = (words: string, x: number, y: number, fill: string) =>
    textPath(words, { x, y, size: 12, fill });
  svg.push(
    text(`${font.family}, of which only this was seen:`, 12, top + 13, COLOURS.ink),
    text('made', LEFT - 40, made + lines * size - size + 4, COLOURS.accent),
    text('true', LEFT - 40, truth + lines * size - size + 4, COLOURS.muted),
    `<rect x="11.5" y="${made + size / 2 - 0.5}" width="${2 * size + 1}" height="${2 * size + 1}" fill="none" stroke="${COLOURS.rule}"/>`,
  );
}
opened.model.dispose();
const height = GAP + fonts.length * blockHeight;
const png = await renderFigure({ width: LEFT + COLUMNS * size + GAP, height, panels, svg: svg.join('') });
writeFileSync(values.out, png);
console.log(
  `${values.out}: ${fonts.map(({ file }) => file).join(', ')}; ${(png.length / 1000).toFixed(0)} kB`,
);
