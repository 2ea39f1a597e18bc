import type { Raster } from '../../../data/images/raster.ts';

type Rgb = [red: number, green: number, blue: number];

/** Block characters by the inked quarters: bits 1, 2, 4, 8 are upper left, upper right, lower left, lower right. */
const QUARTERS = [...' ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█'];
/** Half of the characters; the others are these with swapped colours. */
const SHAPES = [0, 1, 2, 3, 4, 5, 6, 8];
const SHADES = [...' ░▒▓█'];

/** Bits of colour: 24, 8 (256 colours) or 1 (none). */
export type Depth = 24 | 8 | 1;

const average = (pixels: readonly Rgb[]): Rgb =>
  [0, 1, 2].map((channel) =>
    Math.round(pixels.reduce((sum, pixel) => sum + pixel[channel]!, 0) / Math.max(1, pixels.length)),
  ) as Rgb;

const spread = (pixels: readonly Rgb[], centre: Rgb): number =>
  pixels.reduce(
    (sum, pixel) => sum + pixel.reduce((inner, level, i) => inner + (level - centre[i]!) ** 2, 0),
    0,
  );

/** The shape and the two colours with the least squared error for four pixels. */
function bestShape(pixels: readonly Rgb[]): { shape: number; ink: Rgb; ground: Rgb } {
  let best = { shape: 0, ink: [0, 0, 0] as Rgb, ground: [0, 0, 0] as Rgb };
  let least = Number.POSITIVE_INFINITY;
  for (const shape of SHAPES) {
    const inked = pixels.filter((_, i) => shape & (1 << i));
    const rest = pixels.filter((_, i) => !(shape & (1 << i)));
    const [ink, ground] = [average(inked), average(rest)];
    const error = spread(inked, ink) + spread(rest, ground);
    if (error < least) {
      least = error;
      best = { shape, ink, ground };
    }
  }
  return best;
}

/** The nearest of 256 colours: one of 24 greys if red, green and blue are similar, else of the 6×6×6 cube. */
function palette([red, green, blue]: Rgb): number {
  if (Math.max(red, green, blue) - Math.min(red, green, blue) < 12) {
    const grey = Math.round((red + green + blue) / 3);
    if (grey < 4) return 16;
    if (grey > 246) return 231;
    return 232 + Math.min(23, Math.max(0, Math.round((grey - 8) / 10)));
  }
  const level = (value: number): number => Math.round((value / 255) * 5);
  return 16 + 36 * level(red) + 6 * level(green) + level(blue);
}

const colour = (rgb: Rgb, depth: Depth, ground: boolean): string =>
  depth === 24
    ? `\x1b[${ground ? 48 : 38};2;${rgb.join(';')}m`
    : `\x1b[${ground ? 48 : 38};5;${palette(rgb)}m`;

/**
 * A picture as lines of text with 2×2 pixels per character. Without colours, the character shows the mean brightness of
 * its four pixels.
 *
 * @param raster of even width and height
 */
export function toBlocks({ pixels, width, height, channels }: Raster, depth: Depth): string[] {
  const at = (x: number, y: number): Rgb => {
    const from = (y * width + x) * channels;
    return channels === 1
      ? [pixels[from]!, pixels[from]!, pixels[from]!]
      : [pixels[from]!, pixels[from + 1]!, pixels[from + 2]!];
  };
  const lines: string[] = [];
  for (let y = 0; y + 1 < height; y += 2) {
    let line = '';
    for (let x = 0; x + 1 < width; x += 2) {
      const four = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)];
      if (depth === 1) {
        const [red, green, blue] = average(four);
        line += SHADES[Math.min(4, Math.floor(((red + green + blue) / 3 / 256) * 5))];
        continue;
      }
      const { shape, ink, ground } = bestShape(four);
      line += `${colour(ground, depth, true)}${colour(ink, depth, false)}${QUARTERS[shape]}`;
    }
    lines.push(depth === 1 ? line : `${line}\x1b[0m`);
  }
  return lines;
}
