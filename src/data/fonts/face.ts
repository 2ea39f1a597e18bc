import opentype, { type Path } from 'opentype.js';
import { abbreviate } from '../abbreviate.ts';

/** Units per em of the outlines. */
const EM = 1000;
/** Characters that a message lists. */
const LISTED = 5;

/** One character's outline: y grows downwards, the baseline is at 0. */
export interface Outline {
  path: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The outlines of the requested characters of a font file, in their order. */
export interface Face {
  /** Faces of one family are weights and styles of one design; undefined for a font without a name. */
  family: string | undefined;
  style: string;
  outlines: Outline[];
}

/** Why a font cannot be used. */
export class UnusableFont extends Error {
  override readonly name = 'UnusableFont';
}

/**
 * Reads a TTF, OTF or WOFF file.
 * @throws UnusableFont when it is not a font or lacks a character
 */
export function readFace(bytes: Uint8Array, characters: readonly string[]): Face {
  const font = parse(bytes);
  const missing = characters.filter((character) => font.charToGlyphIndex(character) <= 0);
  if (missing.length > 0) throw new UnusableFont(`lacks ${abbreviate(missing, LISTED)}`);
  const outlines: Outline[] = [];
  const blank: string[] = [];
  for (const character of characters) {
    const outline = outlineOf(font, character);
    if (outline) outlines.push(outline);
    else blank.push(character);
  }
  if (blank.length > 0) throw new UnusableFont(`draws nothing for ${abbreviate(blank, LISTED)}`);
  return { ...namesOf(font), outlines };
}

function parse(bytes: Uint8Array): opentype.Font {
  try {
    return opentype.parse(bytes.slice().buffer);
  } catch (error) {
    throw new UnusableFont('cannot be read as a font', { cause: error });
  }
}

/** Undefined for a glyph without ink or with non-finite coordinates. */
function outlineOf(font: opentype.Font, character: string): Outline | undefined {
  try {
    const path = font.charToGlyph(character).getPath(0, 0, EM);
    const { x1: left, x2: right, y1: top, y2: bottom } = path.getBoundingBox();
    const isDrawn = Number.isFinite(left + right + top + bottom) && right > left && bottom > top;
    return isDrawn ? { path: pathData(path), left, right, top, bottom } : undefined;
  } catch {
    return undefined;
  }
}

/** An outline as an SVG path. The library's own method returns NaN for coordinates that are whole except for rounding. */
export function pathData({ commands }: Path): string {
  const pair = (x: number, y: number): string => `${x.toFixed(2)} ${y.toFixed(2)}`;
  return commands
    .map((command) => {
      switch (command.type) {
        case 'C':
          return `C${pair(command.x1, command.y1)} ${pair(command.x2, command.y2)} ${pair(command.x, command.y)}`;
        case 'Q':
          return `Q${pair(command.x1, command.y1)} ${pair(command.x, command.y)}`;
        case 'Z':
          return 'Z';
        default:
          return command.type + pair(command.x, command.y);
      }
    })
    .join('');
}

/** The preferred family comes first: it is the same for all weights of a family. */
function namesOf({ names }: opentype.Font): { family: string | undefined; style: string } {
  // The parser returns a table per platform of keys to texts by language; its types omit the platforms.
  const platforms = valuesOf(names);
  const find = (...keys: string[]): string | undefined => {
    const texts = keys.flatMap((key) => platforms.map((table) => valuesOf(entryOf(table, key))[0]));
    return texts
      .filter((text) => typeof text === 'string')
      .find((text) => /[\p{L}\p{N}]/u.test(text))
      ?.trim();
  };
  return {
    family: find('preferredFamily', 'fontFamily', 'postScriptName'),
    style: find('preferredSubfamily', 'fontSubfamily') ?? 'Regular',
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const valuesOf = (value: unknown): unknown[] => (isRecord(value) ? Object.values(value) : []);
const entryOf = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined);
