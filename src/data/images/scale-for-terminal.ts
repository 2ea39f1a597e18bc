import sharp from 'sharp';
import type { Raster } from './raster.ts';

export interface ScaleOptions {
  /** Width of the result in pixels. */
  width: number;
  /** Factor for the height: the width of a terminal's pixel over its height. 1 keeps the picture's proportions. */
  squeeze?: number;
  /** Crops to this part, in shares of the picture's width. `folded` puts its right half below its left half. */
  part?: { left: number; top: number; width: number; height: number; folded: boolean };
}

const even = (value: number): number => Math.max(2, 2 * Math.round(value / 2));

/** Decodes one of our PNGs and scales it to a terminal's few pixels; both sides become even. */
export async function scaleForTerminal(
  png: Uint8Array,
  { width, squeeze = 1, part }: ScaleOptions,
): Promise<Raster> {
  const { data, info } = await sharp(png)
    .flatten({ background: 'white' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const whole = { pixels: data, width: info.width, height: info.height, channels: info.channels };
  const source = part === undefined ? whole : cropped(whole, part);
  const scaled = await sharp(source.pixels, {
    raw: { width: source.width, height: source.height, channels: info.channels },
  })
    .resize({
      width: even(width),
      height: even((width * squeeze * source.height) / source.width),
      fit: 'fill',
      kernel: width > source.width ? 'nearest' : 'mitchell',
    })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { info: size } = scaled;
  return {
    pixels: scaled.data,
    width: size.width,
    height: size.height,
    channels: size.channels === 1 ? 1 : 3,
  };
}

interface Pixels {
  pixels: Uint8Array;
  width: number;
  height: number;
  channels: number;
}

function cropped(image: Pixels, part: NonNullable<ScaleOptions['part']>): Pixels {
  const { channels } = image;
  const within = (share: number, most: number): number =>
    Math.max(0, Math.min(most, Math.round(share * image.width)));
  const left = within(part.left, image.width - 2);
  const top = within(part.top, image.height - 1);
  const folds = part.folded ? 2 : 1;
  const width = Math.max(1, Math.floor(within(part.width, image.width - left) / folds));
  const height = Math.max(1, within(part.height, image.height - top));
  const pixels = new Uint8Array(width * height * folds * channels);
  for (let fold = 0; fold < folds; fold++) {
    for (let y = 0; y < height; y++) {
      const from = ((top + y) * image.width + left + fold * width) * channels;
      pixels.set(
        image.pixels.subarray(from, from + width * channels),
        (fold * height + y) * width * channels,
      );
    }
  }
  return { pixels, width, height: height * folds, channels };
}
