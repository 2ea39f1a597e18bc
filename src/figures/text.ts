import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import opentype from 'opentype.js';
import { pathData } from '../data/fonts/path.ts';

const require = createRequire(import.meta.url);

export interface TextOptions {
  x: number;
  /** The baseline. */
  y: number;
  /** Height of the em in pixels. */
  size: number;
  anchor?: 'start' | 'middle' | 'end';
  fill: string;
}

let loaded: opentype.Font | undefined;

function font(): opentype.Font {
  if (!loaded) {
    const bytes = readFileSync(require.resolve('@fontsource/inter/files/inter-latin-500-normal.woff'));
    loaded = opentype.parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }
  return loaded;
}

/**
 * Text as an SVG path in a font that comes with the program, so that a figure is the same on every machine whatever
 * fonts it has. Latin letters; a character the font lacks shows as an empty box.
 */
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

/** Pixels the text takes at this size. */
export function textWidth(text: string, size: number): number {
  return glyphsOf(text).reduce((sum, glyph) => sum + advance(glyph, size), 0);
}

/** One glyph a character: the library refuses this font's contextual substitutions, which captions do not need. */
const glyphsOf = (text: string): opentype.Glyph[] =>
  Array.from(text, (character) => font().charToGlyph(character));

const advance = (glyph: opentype.Glyph, size: number): number =>
  ((glyph.advanceWidth ?? 0) * size) / font().unitsPerEm;
