import { StylographError } from '../../core/errors.ts';
import { DEFAULT_DECODE_LIMITS } from './decode.ts';
import type { Raster } from './raster.ts';

/** Rows of pixels from JSON: each pixel is a grey level or [red, green, blue], 0 to 255. */
export type PixelRows = readonly (readonly (number | readonly number[])[])[];

/**
 * Converts JSON rows to an image; levels are rounded to integers.
 * @throws invalid_image naming the row or pixel
 */
export function imageFromPixels(rows: PixelRows, maxPixels = DEFAULT_DECODE_LIMITS.maxPixels): Raster {
  const height = rows.length;
  const width = rows[0]?.length ?? 0;
  if (width === 0) refuse('`pixels` is empty. Send at least one row with at least one pixel.');
  if (width * height > maxPixels) {
    refuse(
      `\`pixels\` has ${width}×${height} pixels; at most ${maxPixels} are accepted. Send a smaller image.`,
    );
  }
  const channels = Array.isArray(rows[0]![0]) ? 3 : 1;
  const kind = channels === 3 ? '[red, green, blue]' : 'a number';
  const pixels = new Uint8Array(width * height * channels);
  let to = 0;
  for (const [y, row] of rows.entries()) {
    if (row.length !== width) {
      refuse(
        `Row ${y} of \`pixels\` has ${row.length} pixels, expected ${width} as in row 0. Make all rows equally long.`,
      );
    }
    for (const [x, pixel] of row.entries()) {
      const levels = typeof pixel === 'number' ? [pixel] : pixel;
      const isExpected = levels.length === channels && (typeof pixel === 'number') === (channels === 1);
      if (!isExpected || !levels.every((level) => level >= 0 && level <= 255)) {
        refuse(`Pixel ${x} of row ${y} of \`pixels\` must be ${kind} from 0 to 255, like the first pixel.`);
      }
      for (const level of levels) pixels[to++] = Math.round(level);
    }
  }
  return { pixels, width, height, channels };
}

function refuse(detail: string): never {
  throw new StylographError('invalid_image', detail);
}
