import { luminance } from './decode.ts';
import { quantile, type Raster } from './raster.ts';
import { resize } from './resize.ts';

/** A picture with a smaller range of levels is blank paper. */
const LEAST_CONTRAST = 24;
/** With a larger spread of the border's levels, the light is uneven. */
const UNEVEN = 16;
/** Lowest level of a pixel that belongs to a connected piece of ink. */
const PIECE_LEVEL = 32;
/** Pieces smaller than this share of the largest are dust. */
const DUST = 0.02;

/** Luminance as bytes; a grey picture is returned unchanged. */
export function toGrey(image: Raster): Raster {
  if (image.channels === 1) return image;
  return { ...image, channels: 1, pixels: mapColour(image, luminance) };
}

/** Whether the median of the border is above mid-grey. */
export function hasLightBorder(grey: Raster): boolean {
  return quantile(histogramOf(borderOf(grey)), 0.5) >= 128;
}

/**
 * Finds the ink of a drawing or a photo of one, dark on light or light on dark. The result has the size of the picture:
 * 255 is full ink, 0 is paper. Undefined for blank paper.
 */
export async function extractInk(image: Raster): Promise<Raster | undefined> {
  const grey = strongestGrey(image);
  const histogram = histogramOf(grey.pixels);
  if (spread(histogram, 0, 1) < LEAST_CONTRAST) return undefined;
  const threshold = otsuThreshold(histogram);
  const border = borderOf(grey);
  const lightBorder = border.filter((level) => level > threshold).length;
  const oriented =
    lightBorder * 2 > border.length ? { ...grey, pixels: grey.pixels.map((level) => 255 - level) } : grey;
  const even =
    spread(histogramOf(borderOf(oriented)), 0.05, 0.95) > UNEVEN ? await evenLight(oriented) : oriented;
  const stretched = stretch(even);
  return stretched && withoutDust(stretched);
}

/** Luminance, or a single colour channel if coloured ink has a much higher contrast in it. */
function strongestGrey(image: Raster): Raster {
  const grey = toGrey(image);
  if (image.channels === 1) return grey;
  const candidates = [0, 1, 2].map((channel) => mapColour(image, (...rgb) => rgb[channel]!));
  const contrast = (pixels: Uint8Array) => spread(histogramOf(pixels), 0.005, 0.995);
  const best = candidates.reduce((a, b) => (contrast(b) > contrast(a) ? b : a));
  return contrast(best) > 1.5 * contrast(grey.pixels) ? { ...grey, pixels: best } : grey;
}

/**
 * Subtracts the level of the paper under uneven light. The level is a morphological opening of a coarse copy (the local
 * minimum, then the local maximum of those): it follows the light but not the strokes.
 */
async function evenLight(image: Raster): Promise<Raster> {
  const side = 16;
  const reach = 3;
  const coarse = await resize(image, { width: side, height: side, fit: 'fill' });
  const around = (pixels: Uint8Array, choose: (a: number, b: number) => number): Uint8Array =>
    pixels.map((level, at) => {
      const [x, y] = [at % side, Math.floor(at / side)];
      let chosen = level;
      for (let ny = Math.max(0, y - reach); ny <= Math.min(side - 1, y + reach); ny++) {
        for (let nx = Math.max(0, x - reach); nx <= Math.min(side - 1, x + reach); nx++) {
          chosen = choose(chosen, pixels[ny * side + nx]!);
        }
      }
      return chosen;
    });
  const opened = around(around(coarse.pixels, Math.min), Math.max);
  const paper = await resize({ ...coarse, pixels: opened }, { ...image, fit: 'fill' });
  return {
    ...image,
    pixels: image.pixels.map((level, at) => Math.max(0, level - paper.pixels[at]!)),
  };
}

/** Maps paper and its noise to 0 and full ink to 255; undefined if there is only noise. */
function stretch(image: Raster): Raster | undefined {
  const histogram = histogramOf(image.pixels);
  const threshold = otsuThreshold(histogram);
  const paper = histogram.map((count, level) => (level <= threshold ? count : 0));
  const ink = histogram.map((count, level) => (level > threshold ? count : 0));
  const paperLevel = quantile(paper, 0.5);
  const deviations = new Float64Array(256);
  for (const [level, count] of paper.entries()) deviations[Math.abs(level - paperLevel)]! += count;
  // For normal noise, 1.48 × the median deviation is the standard deviation; four of them remove nearly all noise.
  const low = Math.min(threshold, paperLevel + 4 * 1.48 * quantile(deviations, 0.5));
  const high = quantile(ink, 0.9);
  if (high - low < LEAST_CONTRAST) return undefined;
  const mapped = histogram.map((_, level) =>
    Math.round(Math.min(1, Math.max(0, (level - low) / (high - low))) * 255),
  );
  const pixels = image.pixels.map((level) => mapped[level]!);
  return { ...image, pixels };
}

/** Removes 8-connected pieces much smaller than the largest; undefined if there is no piece. */
function withoutDust(image: Raster): Raster | undefined {
  const { pixels, width, height } = image;
  const pieceOf = new Int32Array(pixels.length).fill(-1);
  const sizes: number[] = [];
  const stack: number[] = [];
  for (let start = 0; start < pixels.length; start++) {
    if (pieceOf[start] !== -1 || pixels[start]! < PIECE_LEVEL) continue;
    const piece = sizes.length;
    let size = 0;
    pieceOf[start] = piece;
    stack.push(start);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      size++;
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx;
          if (pieceOf[next] !== -1 || pixels[next]! < PIECE_LEVEL) continue;
          pieceOf[next] = piece;
          stack.push(next);
        }
      }
    }
    sizes.push(size);
  }
  if (sizes.length === 0) return undefined;
  const least = DUST * sizes.reduce((a, b) => Math.max(a, b));
  return {
    ...image,
    pixels: pixels.map((level, at) => {
      const piece = pieceOf[at]!;
      return piece !== -1 && sizes[piece]! < least ? 0 : level;
    }),
  };
}

/** Levels of the outermost 2 %, at least one pixel, on every side. */
function borderOf({ pixels, width, height }: Raster): Uint8Array {
  const depth = Math.max(1, Math.round(Math.min(width, height) * 0.02));
  const levels: number[] = [];
  for (let y = 0; y < height; y++) {
    const isEdgeRow = y < depth || y >= height - depth;
    for (let x = 0; x < width; x++) {
      if (!isEdgeRow && x === depth) x = Math.max(x, width - depth);
      levels.push(pixels[y * width + x]!);
    }
  }
  return Uint8Array.from(levels);
}

/** The threshold that maximises the variance between the two classes of a histogram (Otsu 1979). */
function otsuThreshold(histogram: Float64Array): number {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const moment = histogram.reduce((sum, count, level) => sum + count * level, 0);
  let [below, momentBelow, best, threshold] = [0, 0, -1, 127];
  for (let level = 0; level < 255; level++) {
    below += histogram[level]!;
    momentBelow += histogram[level]! * level;
    if (below === 0 || below === total) continue;
    const between = (moment * below - momentBelow * total) ** 2 / (below * (total - below));
    if (between > best) [best, threshold] = [between, level];
  }
  return threshold;
}

function histogramOf(pixels: Uint8Array): Float64Array {
  const histogram = new Float64Array(256);
  for (let at = 0; at < pixels.length; at++) histogram[pixels[at]!]!++;
  return histogram;
}

const spread = (histogram: Float64Array, from: number, to: number): number =>
  quantile(histogram, to) - quantile(histogram, from);

function mapColour(
  { pixels, width, height }: Raster,
  map: (red: number, green: number, blue: number) => number,
): Uint8Array {
  const out = new Uint8Array(width * height);
  for (let at = 0; at < out.length; at++) {
    out[at] = Math.round(map(pixels[at * 3]!, pixels[at * 3 + 1]!, pixels[at * 3 + 2]!));
  }
  return out;
}
