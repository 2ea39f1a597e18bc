import type { ImageSpec } from '../../core/contracts/model.ts';
import { extractInk, hasLightBorder, toGrey } from './extract-ink.ts';
import { quantile, type Raster } from './raster.ts';
import { type Box, resize, shrinkByArea } from './resize.ts';

/** `auto` makes any picture similar to the dataset's images; `none` only resizes. */
export type NormalizeMode = 'auto' | 'none';

/** How a dataset's images were made: each drawing centred in a box, as in MNIST, or whole pictures, as in uploads. */
export type Framing = 'boxed' | 'whole';

/** MNIST's digits fill a box of 20 pixels within 28. */
const BOX_SHARE = 20 / 28;
/** Ink on paper has a border at least this light, and half of its pixels are darker by at most the spread. */
const PAPER = 160;
const PAPER_SPREAD = 48;
/** Lowest level of a pixel in the drawing's bounding box. */
const BOX_LEVEL = 32;

/**
 * Converts a decoded picture to a model's input: width × height × channels bytes, high levels are ink.
 *
 * - `auto`, grey, `boxed`: a grey picture of the model's size with a dark border is returned unchanged. Any other is treated
 *   as ink on paper in any light and fitted as in MNIST: it is cropped to the ink and scaled so that its longer side is
 *   20/28 of the image. Its centre of mass becomes the centre. A blank picture gives a blank image.
 * - `auto`, grey, `whole`: position and size are kept; dark ink on light paper is inverted.
 * - `auto`, colour: resized as a whole and padded with the colour of the border.
 * - `none`: converted to the model's channels and stretched to its size.
 */
export async function normalizeImage(
  image: Raster,
  spec: Pick<ImageSpec, 'width' | 'height' | 'channels'>,
  mode: NormalizeMode,
  framing: Framing = 'boxed',
): Promise<Uint8Array> {
  const isOwnSize = image.width === spec.width && image.height === spec.height;
  if (mode === 'auto' && spec.channels === 1 && framing === 'whole') return await fitInk(image, spec);
  if (mode === 'auto' && spec.channels === 1) {
    if (isOwnSize && image.channels === 1 && !hasLightBorder(image)) return image.pixels;
    const ink = await extractInk(image);
    return ink ? fitLikeMnist(ink, spec.width, spec.height) : new Uint8Array(spec.width * spec.height);
  }
  if (mode === 'auto') return await fitWhole(image, spec);
  const converted = spec.channels === 1 ? toGrey(image) : toColour(image);
  if (isOwnSize) return converted.pixels;
  return (await resize(converted, { width: spec.width, height: spec.height, fit: 'fill' })).pixels;
}

/** Pads a picture to the image's proportions with the colour of its border and resizes it. */
export async function fitWhole(
  image: Raster,
  { width, height, channels }: Pick<ImageSpec, 'width' | 'height' | 'channels'>,
): Promise<Uint8Array> {
  const converted = channels === 1 ? toGrey(image) : toColour(image);
  if (image.width === width && image.height === height) return converted.pixels;
  const ground = borderColour(converted);
  return (await resize(converted, { width, height, fit: 'contain', ground })).pixels;
}

/** Fits the whole picture in grey, light on dark. */
async function fitInk(
  image: Raster,
  spec: Pick<ImageSpec, 'width' | 'height' | 'channels'>,
): Promise<Uint8Array> {
  const grey = toGrey(image);
  const pixels = await fitWhole(grey, spec);
  return isOnPaper(grey) ? pixels.map((level) => 255 - level) : pixels;
}

/** Whether a grey picture is dark ink on light paper; false for a blank one. */
export function isOnPaper(grey: Raster): boolean {
  const border = borderLevel(grey);
  if (border < PAPER) return false;
  let paper = 0;
  for (const level of grey.pixels) if (level >= border - PAPER_SPREAD) paper++;
  return paper * 2 >= grey.pixels.length && paper < grey.pixels.length;
}

async function fitLikeMnist(ink: Raster, width: number, height: number): Promise<Uint8Array> {
  const box = boundingBox(ink);
  const side = Math.round(Math.min(width, height) * BOX_SHARE);
  const scale = side / Math.max(box.width, box.height);
  const fittedWidth = Math.max(1, Math.round(box.width * scale));
  const fittedHeight = Math.max(1, Math.round(box.height * scale));
  const fitted =
    scale <= 1
      ? shrinkByArea(ink, box, fittedWidth, fittedHeight)
      : Float64Array.from(
          (await resize(crop(ink, box), { width: fittedWidth, height: fittedHeight, fit: 'fill' })).pixels,
        );

  let [mass, momentX, momentY, highest] = [0, 0, 0, 0];
  for (const [at, level] of fitted.entries()) {
    mass += level;
    momentX += level * (at % fittedWidth);
    momentY += level * Math.floor(at / fittedWidth);
    highest = Math.max(highest, level);
  }
  // Moved by whole pixels, which does not blur, and never so far that ink is cut off.
  const left = clamp(Math.round(width / 2 - momentX / mass), 0, width - fittedWidth);
  const top = clamp(Math.round(height / 2 - momentY / mass), 0, height - fittedHeight);
  const out = new Uint8Array(width * height);
  for (const [at, level] of fitted.entries()) {
    // Shrinking makes thin strokes faint, but MNIST's images reach full ink.
    out[(top + Math.floor(at / fittedWidth)) * width + left + (at % fittedWidth)] = Math.round(
      (level * 255) / highest,
    );
  }
  return out;
}

function boundingBox({ pixels, width, height }: Raster): Box {
  let [left, right, top, bottom] = [width, 0, height, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (pixels[y * width + x]! < BOX_LEVEL) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

function crop(image: Raster, { left, top, width, height }: Box): Raster {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * image.width + left;
    pixels.set(image.pixels.subarray(from, from + width), y * width);
  }
  return { pixels, width, height, channels: 1 };
}

function toColour(image: Raster): Raster {
  if (image.channels === 3) return image;
  const pixels = new Uint8Array(image.pixels.length * 3);
  for (const [at, level] of image.pixels.entries()) pixels.fill(level, at * 3, at * 3 + 3);
  return { ...image, channels: 3, pixels };
}

/** The median of the outermost pixels, one level per channel. */
function borderColour({ pixels, width, height, channels }: Raster): number[] {
  return Array.from({ length: channels }, (_, channel) => {
    const histogram = new Float64Array(256);
    for (let at = 0; at < width * height; at++) {
      const [x, y] = [at % width, Math.floor(at / width)];
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) {
        histogram[pixels[at * channels + channel]!]!++;
      }
    }
    return quantile(histogram, 0.5);
  });
}

/** The median level of the outermost pixels of a grey picture. */
const borderLevel = (grey: Raster): number => borderColour(grey)[0]!;

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
