import { drawWhite } from '../images/index.ts';
import type { Face, Outline } from './face.ts';

/** The baseline's place, as a share of the side from the top: the same in every image. */
const BASELINE = 3 / 4;
/** What stays black all around, as a share of the side. */
const MARGIN = 1 / 16;

/**
 * Draws every character of a face, white on black, in a square each.
 *
 * One rule for all of them: the baseline lies at three quarters of the height; the scale is the largest at which the tallest,
 * the deepest and the widest of the characters stay within the margin, and all have it; each is centred by its width. So
 * x-height, ascenders, widths and weight stay as they are to each other.
 *
 * @returns characters × size × size bytes
 */
export async function renderFace({ outlines }: Face, size: number): Promise<Uint8Array> {
  const scale = scaleOf(outlines, size);
  const shapes = outlines.map(({ path, left, right }, at) => {
    const x = size * (at + 1 / 2) - (scale * (left + right)) / 2;
    return `<path transform="translate(${x} ${size * BASELINE}) scale(${scale})" d="${path}"/>`;
  });
  const strip = await drawWhite(shapes.join(''), size * outlines.length, size);
  return apart(strip.pixels, outlines.length, size);
}

/** Pixels a unit of the outlines. */
function scaleOf(outlines: readonly Outline[], size: number): number {
  const room = size * (1 - 2 * MARGIN);
  const above = size * (BASELINE - MARGIN);
  const most = (measure: (outline: Outline) => number): number => Math.max(...outlines.map(measure));
  return Math.min(
    room / most(({ left, right }) => right - left),
    above /
      Math.max(
        0,
        most(({ top }) => -top),
      ),
    (room - above) /
      Math.max(
        0,
        most(({ bottom }) => bottom),
      ),
  );
}

/** A row of squares, one square after another. */
function apart(strip: Uint8Array, count: number, size: number): Uint8Array {
  const out = new Uint8Array(strip.length);
  for (let at = 0; at < count; at++) {
    for (let y = 0; y < size; y++) {
      const from = (y * count + at) * size;
      out.set(strip.subarray(from, from + size), (at * size + y) * size);
    }
  }
  return out;
}
