import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import opentype from 'opentype.js';
import { pathData } from '../data/fonts/face.ts';

const require = createRequire(import.meta.url);

export interface TextOptions {
  x: number;
  /** Position of the baseline. */
  y: number;
  /** Height of the em in pixels. */
  size: number;
  anchor?: 'start' | 'middle' | 'end';
  fill: string;
}

/** The font of all figures, Inter. It comes with the program, so figures do not depend on the machine's fonts. */
const FONT = readFont(require.resolve('@fontsource/inter/files/inter-latin-500-normal.woff'));

function readFont(path: string): opentype.Font {
  const bytes = readFileSync(path);
  return opentype.parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Text as an SVG path, for Latin letters. A character that the font lacks becomes an empty box. */
export function textPath(text: string, { x, y, size, anchor = 'start', fill }: TextOptions): string {
  const width = textWidth(text, size);
  let left = anchor === 'start' ? x : anchor === 'middle' ? x - width / 2 : x - width;
  const paths: string[] = [];
  for (const glyph of glyphsOf(text)) {
    paths.push(pathData(glyph.getPath(left, y, size)));
    left += advance(glyph, size);
  }
  return `<path d="${paths.join('')}" fill="${fill}"/>`;
}

/** Width of a text in pixels. */
export function textWidth(text: string, size: number): number {
  return glyphsOf(text).reduce((sum, glyph) => sum + advance(glyph, size), 0);
}

/** One glyph per character: the library rejects the font's contextual substitutions, which captions do not need. */
const glyphsOf = (text: string): opentype.Glyph[] =>
  Array.from(text, (character) => FONT.charToGlyph(character));

const advance = (glyph: opentype.Glyph, size: number): number =>
  ((glyph.advanceWidth ?? 0) * size) / FONT.unitsPerEm;

/** A number with a true minus sign; integers have thin spaces between thousands: `−0.5`, `12 000`. */
export const numberText = (value: number, digits = 0): string =>
  value
    .toFixed(digits)
    .replace('-', '−')
    .replace(/\B(?=(\d{3})+$)/g, digits === 0 ? '\u2009' : '');
