import type { ImageSpec } from '../contracts/model.ts';
import { encodePng } from '../images/png.ts';
import { splitImages, tileImages } from '../images/sheet.ts';

export interface DrawSheetOptions {
  columns: number;
  spec: Pick<ImageSpec, 'width' | 'height' | 'channels'>;
  /** Black ink on white instead of white on black. */
  invert?: boolean;
  /** Whole number: every pixel becomes that many pixels square; default 1. */
  scale?: number;
  /** Pixels between images; default 2. */
  gap?: number;
  /** PNG text chunks. */
  text?: Record<string, string>;
}

/** Faint lines between images: near the paper's own level, dark or light. */
const LINE = { inverted: 226, plain: 44 };

/**
 * Draws images that lie one after another (n × height × width × channels bytes) as one PNG, row by row.
 * The same input gives the same bytes.
 */
export function drawSheet(images: Uint8Array, options: DrawSheetOptions): Buffer {
  const { columns, spec, invert = false, scale = 1, gap = 2, text } = options;
  const count = images.length / (spec.width * spec.height * spec.channels);
  const ground = invert ? LINE.inverted : LINE.plain;
  const sheet = tileImages(splitImages(images, count), { ...spec, columns, invert, scale, gap, ground });
  return encodePng(sheet.pixels, { ...sheet, ...(text && { text }), level: 3 });
}
