import type { ImageSpec } from '../../core/contracts/model.ts';
import { extractInk, hasLightBorder, toGrey } from './ink.ts';
import { quantile, type Raster } from './raster.ts';
import { type Box, resize, shrinkByArea } from './resize.ts';

/** `auto` makes any picture look like the dataset's own; `none` only resizes. */
export type NormalizeMode = 'auto' | 'none';

/** How a dataset was made of its pictures: each drawing centred in a box, as MNIST, or every picture whole, as uploads are. */
export type Framing = 'boxed' | 'whole';

/** MNIST's digits fill a box of 20 pixels in a frame of 28. */
const BOX_SHARE = 20 / 28;
/** A border at least this light, and half of the picture not much darker: ink on paper. */
const PAPER = 160;
const PAPER_SPREAD = 48;
/** Faint level from which a pixel belongs to the drawing's bounding box. */
const BOX_LEVEL = 32;

/**
 * Brings a decoded picture to the form a model was trained on: width × height × channels bytes, ink high.
 *
 * `auto`, grey models: a grey picture of the model's own size with a dark border is left as it is, byte for byte.
 * Any other is taken for ink on paper, dark or light, evenly lit or not, and fitted as MNIST was made: cropped to the
 * ink, scaled with anti-aliasing so that its longer side fills a box of 20/28 of the frame, and placed so that its
 * centre of mass is the frame's centre. A blank picture gives a blank image.
 * `auto`, pictures that are `whole`: place and size within the frame stay; dark ink on light paper is inverted.
 * `auto`, colour models: resized whole, padded with the border's colour.
 * `none`: converted to the model's channels and stretched to its size, nothing else.
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

/** A whole picture in a frame: padded to the frame's proportions with the colour of its border, then resized. */
export async function fitWhole(
  image: Raster,
  { width, height, channels }: Pick<ImageSpec, 'width' | 'height' | 'channels'>,
): Promise<Uint8Array> {
  const converted = channels === 1 ? toGrey(image) : toColour(image);
  if (image.width === width && image.height === height) return converted.pixels;
  const ground = borderColour(converted);
  return (await resize(converted, { width, height, fit: 'contain', ground })).pixels;
}

/** The whole picture in grey, light on dark. */
async function fitInk(
  image: Raster,
  spec: Pick<ImageSpec, 'width' | 'height' | 'channels'>,
): Promise<Uint8Array> {
  const grey = toGrey(image);
  const pixels = await fitWhole(grey, spec);
  return isOnPaper(grey) ? pixels.map((level) => 255 - level) : pixels;
}

/** Whether a grey picture is dark ink on light paper; a blank one is not. */
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
  // Whole pixels, so that nothing is blurred once more; never so far that ink is cut off.
  const left = clamp(Math.round(width / 2 - momentX / mass), 0, width - fittedWidth);
  const top = clamp(Math.round(height / 2 - momentY / mass), 0, height - fittedHeight);
  const out = new Uint8Array(width * height);
  for (const [at, level] of fitted.entries()) {
    // Thin strokes grow faint when shrunk; MNIST's are full ink somewhere.
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

/** The median of the outermost pixels, one level a channel. */
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
