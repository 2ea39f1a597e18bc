import { enlarge, type Raster } from './raster.ts';

export interface TileOptions extends Omit<Raster, 'pixels'> {
  columns: number;
  /** Pixels between images, before scaling; default 0. */
  gap?: number;
  /** Black ink on white instead of white on black. */
  invert?: boolean;
  /** Integer by which both sides of each image are enlarged; default 1. The gap is not scaled. */
  scale?: number;
  /** Grey level of gaps and empty tiles; default that of blank paper. */
  ground?: number;
}

/** Width and height of a sheet of `count` images. */
export function sheetSize(
  count: number,
  { columns, width, height, gap = 0, scale = 1 }: TileOptions,
): Pick<Raster, 'width' | 'height'> {
  const used = Math.max(1, Math.min(columns, count));
  const rows = Math.max(1, Math.ceil(count / used));
  return {
    width: used * width * scale + (used - 1) * gap,
    height: rows * height * scale + (rows - 1) * gap,
  };
}

/**
 * Arranges images of `width` × `height` × `channels` bytes in rows; the last row may be shorter. The result's `width` and
 * `height` are the sheet's.
 */
export function tileImages(images: readonly Uint8Array[], options: TileOptions): Raster {
  const { columns, channels, gap = 0, invert = false, scale = 1, ground = invert ? 255 : 0 } = options;
  const used = Math.max(1, Math.min(columns, images.length));
  const tileWidth = options.width * scale;
  const tileHeight = options.height * scale;
  const { width, height } = sheetSize(images.length, options);
  const sheet = new Uint8Array(width * height * channels).fill(ground);
  const tileRow = tileWidth * channels;
  for (const [index, pixels] of images.entries()) {
    const inked = invert ? pixels.map((level) => 255 - level) : pixels;
    const tile = enlarge({ ...options, pixels: inked }, scale).pixels;
    const left = (index % used) * (tileWidth + gap);
    const top = Math.floor(index / used) * (tileHeight + gap);
    for (let y = 0; y < tileHeight; y++) {
      sheet.set(tile.subarray(y * tileRow, (y + 1) * tileRow), ((top + y) * width + left) * channels);
    }
  }
  return { pixels: sheet, width, height, channels };
}

/** Views of `count` images of equal size that follow each other. */
export function splitImages(pixels: Uint8Array, count: number): Uint8Array[] {
  const size = pixels.length / count;
  return Array.from({ length: count }, (_, index) => pixels.subarray(index * size, (index + 1) * size));
}
