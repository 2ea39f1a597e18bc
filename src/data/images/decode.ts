import sharp from 'sharp';
import { StylographError } from '../../core/errors.ts';
import { quantile, type Raster } from './raster.ts';

export interface DecodeLimits {
  /** Limit of width × height, checked before decoding, against images that unpack to gigabytes. */
  maxPixels: number;
  /** Limit of the file's bytes. */
  maxBytes: number;
  /** Larger pictures are shrunk to this width or height. */
  maxSide: number;
  /** Remaining pixels of a group of images; each image subtracts its own. */
  budget?: { pixels: number };
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxPixels: 16_000_000,
  maxBytes: 16 * 1024 * 1024,
  maxSide: 320,
};

const FORMATS = [
  { name: 'PNG', test: (b: Uint8Array) => startsWith(b, 0, [0x89, 0x50, 0x4e, 0x47]) },
  { name: 'JPEG', test: (b: Uint8Array) => startsWith(b, 0, [0xff, 0xd8, 0xff]) },
  {
    name: 'WebP',
    test: (b: Uint8Array) =>
      startsWith(b, 0, [0x52, 0x49, 0x46, 0x46]) && startsWith(b, 8, [0x57, 0x45, 0x42, 0x50]),
  },
] as const;

/**
 * Decodes the first frame of a PNG, JPEG or WebP to 8 bits and applies its EXIF orientation. Grey pictures stored as RGB
 * return one channel.
 * @throws invalid_image
 */
export async function decodeImage(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): Promise<Raster> {
  const { maxPixels, maxBytes, maxSide, budget } = { ...DEFAULT_DECODE_LIMITS, ...limits };
  if (bytes.length > maxBytes) {
    refuse(
      `The image file has ${bytes.length} bytes; at most ${maxBytes} are accepted. Send a smaller file.`,
    );
  }
  // Checked before any decoder runs, because sharp would also open SVG, TIFF and other formats.
  const format = FORMATS.find(({ test }) => test(bytes));
  if (!format) {
    refuse('The bytes are not a PNG, JPEG or WebP image. Send one of these formats.');
  }
  try {
    // This reads only the header, so that the error can state the size.
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (width * height > maxPixels) {
      refuse(
        `The image has ${width}×${height} pixels; at most ${maxPixels} are accepted. Send a smaller image.`,
      );
    }
    if (budget !== undefined) {
      budget.pixels -= width * height;
      if (budget.pixels < 0) {
        refuse('The images of this call have too many pixels in total. Send fewer or smaller images.');
      }
    }
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', pages: 1 })
      .autoOrient()
      .resize({
        width: maxSide,
        height: maxSide,
        fit: 'inside',
        withoutEnlargement: true,
        kernel: 'mitchell',
      })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return flatten(data, info.width, info.height);
  } catch (cause) {
    if (cause instanceof StylographError) throw cause;
    throw new StylographError(
      'invalid_image',
      `The ${format.name} image is damaged or incomplete. Save it again and send the whole file.`,
      { cause },
    );
  }
}

/** Converts RGBA bytes to grey or RGB; {@link backgroundOf} fills transparent areas. */
function flatten(rgba: Uint8Array, width: number, height: number): Raster {
  let isOpaque = true;
  let isGrey = true;
  for (let at = 0; at < rgba.length; at += 4) {
    if (rgba[at + 3] !== 255) isOpaque = false;
    if (rgba[at] !== rgba[at + 1] || rgba[at] !== rgba[at + 2]) isGrey = false;
  }
  const background = isOpaque ? 0 : backgroundOf(rgba);
  const channels = isGrey ? 1 : 3;
  const pixels = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    const alpha = rgba[from + 3]!;
    for (let channel = 0; channel < channels; channel++) {
      const level = rgba[from + channel]!;
      pixels[to++] = isOpaque ? level : Math.round((level * alpha + background * (255 - alpha)) / 255);
    }
  }
  return { pixels, width, height, channels };
}

/**
 * The level for transparent areas. If only ink is visible (one tone, or less than half of the picture), it is the opposite
 * of the ink. If ink and paper are visible, it is the tone of the paper.
 */
function backgroundOf(rgba: Uint8Array): number {
  const histogram = new Float64Array(256);
  let opacity = 0;
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = rgba[at + 3]! / 255;
    histogram[Math.round(luminance(rgba[at]!, rgba[at + 1]!, rgba[at + 2]!))]! += alpha;
    opacity += alpha;
  }
  if (opacity === 0) return 0;
  const isDark = quantile(histogram, 0.5) < 128;
  const isOneTone = quantile(histogram, 0.95) - quantile(histogram, 0.05) < 64;
  const isInk = isOneTone || opacity < rgba.length / 8;
  return isInk === isDark ? 255 : 0;
}

/** Luminance by the weights of Rec. 709; all levels are 0 to 255. */
export function luminance(red: number, green: number, blue: number): number {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Draws white SVG shapes on black, anti-aliased, as a grey picture. */
export async function rasterizeWhite(shapes: string, width: number, height: number): Promise<Raster> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" fill="#fff"><path fill="#000" d="M0 0H${width}V${height}H0Z"/>${shapes}</svg>`;
  const pixels = await sharp(Buffer.from(svg), { unlimited: true })
    .removeAlpha()
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  return { pixels: new Uint8Array(pixels), width, height, channels: 1 };
}

const startsWith = (bytes: Uint8Array, offset: number, expected: readonly number[]): boolean =>
  expected.every((value, index) => bytes[offset + index] === value);

function refuse(detail: string): never {
  throw new StylographError('invalid_image', detail);
}
