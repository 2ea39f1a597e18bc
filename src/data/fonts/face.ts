import opentype from 'opentype.js';
import { pathData } from './path.ts';

/** Units of an em in which outlines are given. */
const EM = 1000;

/** One character's outline: y grows downwards, the baseline is at 0. */
export interface Outline {
  path: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A font file's outlines of the wanted characters, in their order. */
export interface Face {
  /** Faces of one family are weights and styles of one design; undefined for a font without a name. */
  family: string | undefined;
  style: string;
  outlines: Outline[];
}

/** Why a font is no use. */
export class UnfitFont extends Error {
  override readonly name = 'UnfitFont';
}

/**
 * Reads a TTF, OTF or WOFF file.
 * @throws UnfitFont when it is none, or lacks a character
 */
export function readFace(bytes: Uint8Array, characters: readonly string[]): Face {
  const font = parse(bytes);
  const lacking = characters.filter((character) => font.charToGlyphIndex(character) <= 0);
  if (lacking.length > 0) throw new UnfitFont(`lacks ${some(lacking)}`);
  const outlines = characters.map((character) => outlineOf(font, character));
  const blank = characters.filter((_, at) => outlines[at] === undefined);
  if (blank.length > 0) throw new UnfitFont(`draws nothing for ${some(blank)}`);
  return { ...namesOf(font), outlines: outlines as Outline[] };
}

function parse(bytes: Uint8Array): opentype.Font {
  try {
    return opentype.parse(bytes.slice().buffer);
  } catch (error) {
    throw new UnfitFont(`cannot be read as a font (${(error as Error).message})`);
  }
}

/** Undefined for a glyph without ink, or with coordinates that are no numbers. */
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

/** The names of a font where it has them; of a family's many weights only the preferred family is the same. */
function namesOf({ names }: opentype.Font): { family: string | undefined; style: string } {
  const tables = Object.values(names as unknown as Record<string, opentype.FontNames | undefined>);
  const find = (...keys: string[]): string | undefined => {
    const texts = keys.flatMap((key) =>
      tables.map((table) => Object.values(table?.[key as keyof opentype.FontNames] ?? {})[0]),
    );
    return texts.find((text) => typeof text === 'string' && /[\p{L}\p{N}]/u.test(text))?.trim();
  };
  return {
    family: find('preferredFamily', 'fontFamily', 'postScriptName'),
    style: find('preferredSubfamily', 'fontSubfamily') ?? 'Regular',
  };
}

/** The first few of many, as text. */
export function some(items: readonly string[], most = 5): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}
