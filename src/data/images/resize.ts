import sharp from 'sharp';
import type { Raster } from './raster.ts';

export interface ResizeOptions {
  width: number;
  height: number;
  /** `fill` stretches, `contain` keeps the proportions and pads. */
  fit: 'fill' | 'contain';
  /** Padding, one level per channel; default black. */
  ground?: readonly number[];
}

/** Resizes with anti-aliasing; keeps the number of channels. */
export async function resize(image: Raster, { width, height, fit, ground }: ResizeOptions): Promise<Raster> {
  const [r = 0, g = r, b = r] = ground ?? [0];
  const resized = sharp(image.pixels, { raw: image }).resize({
    width,
    height,
    fit,
    kernel: 'cubic',
    background: { r, g, b },
  });
  const data = await resized
    .toColourspace(image.channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();
  return { pixels: new Uint8Array(data), width, height, channels: image.channels };
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Shrinks a box of a grey picture: each result pixel is the mean of the area it covers, including parts of pixels. */
export function shrinkByArea(image: Raster, box: Box, width: number, height: number): Float64Array {
  const columns = coverage(box.left, box.width, width);
  const rows = coverage(box.top, box.height, height);
  const out = new Float64Array(width * height);
  for (const [y, row] of rows.entries()) {
    for (const [x, column] of columns.entries()) {
      let sum = 0;
      for (const [sourceY, weightY] of row) {
        for (const [sourceX, weightX] of column) {
          sum += image.pixels[sourceY * image.width + sourceX]! * weightY * weightX;
        }
      }
      out[y * width + x] = sum;
    }
  }
  return out;
}

/** For each of `count` equal parts of start … start+length: the positions that it covers, with their shares. */
function coverage(start: number, length: number, count: number): [position: number, share: number][][] {
  const step = length / count;
  return Array.from({ length: count }, (_, index) => {
    const from = start + index * step;
    const to = from + step;
    const last = Math.min(Math.ceil(to), start + length);
    return Array.from({ length: last - Math.floor(from) }, (_, offset) => {
      const position = Math.floor(from) + offset;
      return [position, (Math.min(to, position + 1) - Math.max(from, position)) / step];
    });
  });
}
