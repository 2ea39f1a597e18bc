import sharp from 'sharp';
import type { FilmRecord, PackedFilm } from '../core/contracts/films.ts';
import type { Raster } from '../data/images/raster.ts';
import { splitImages } from '../data/images/tiling.ts';
import { COLOURS } from './canvas.ts';
import { unpackFrames } from './packed-film.ts';
import { plane } from './sheet-layout.ts';
import { numberText, textPath } from './text.ts';

const MARGIN = 12;
const HEADER = 44;
const WHITE = 255;

export interface FilmLook {
  /** Approximate width of the manifold in pixels. */
  side: number;
  /** Most frames; a longer film is thinned evenly. */
  frames: number;
}

/** `full` is served; `gif` is smaller because GIF compresses badly; `small` is for reports sent by mail. */
export const LOOKS = {
  full: { side: 560, frames: Number.POSITIVE_INFINITY },
  gif: { side: 280, frames: Number.POSITIVE_INFINITY },
  small: { side: 280, frames: 30 },
} as const satisfies Record<string, FilmLook>;

/** Draws the frames of a film, grey or RGB. They have the same even sides, as video requires. */
export async function* drawFilmFrames(film: PackedFilm, look: FilmLook): AsyncGenerator<Raster> {
  const { record } = film;
  const count = record.iterations.length;
  const shown = new Set(evenly(count, Math.min(count, look.frames)));
  let index = 0;
  for (const { iteration, images } of unpackFrames(film)) {
    if (shown.has(index))
      yield await drawFrame(record, look.side, iteration, index / Math.max(1, count - 1), images);
    index++;
  }
}

/** `wanted` of 0 … count − 1 at even distances, including the first and the last. */
const evenly = (count: number, wanted: number): number[] =>
  wanted < 2
    ? [count - 1]
    : Array.from({ length: wanted }, (_, i) => Math.round((i * (count - 1)) / (wanted - 1)));

async function drawFrame(
  record: FilmRecord,
  side: number,
  iteration: number,
  progress: number,
  images: Uint8Array,
): Promise<Raster> {
  const manifold = plane(splitImages(images, record.grid ** 2), record.grid, record, side);
  const { channels } = manifold;
  const width = even(manifold.width + 2 * MARGIN);
  const height = even(HEADER + manifold.height + MARGIN);
  const pixels = new Uint8Array(width * height * channels).fill(WHITE);
  const copy = (from: Raster, left: number, top: number): void => {
    const row = from.width * channels;
    for (let y = 0; y < from.height; y++) {
      pixels.set(from.pixels.subarray(y * row, (y + 1) * row), ((top + y) * width + left) * channels);
    }
  };
  copy(await drawHeader(record, width, iteration, progress, channels), 0, 0);
  copy(manifold, MARGIN, HEADER);
  return { pixels, width, height, channels };
}

const even = (size: number): number => size + (size % 2);

/** Draws label, iteration and a progress line. */
async function drawHeader(
  { name }: FilmRecord,
  width: number,
  iteration: number,
  progress: number,
  channels: 1 | 3,
): Promise<Raster> {
  const right = width - MARGIN;
  const y = HEADER - 9.5;
  const svg = [
    textPath(`Label ${name}`, { x: MARGIN, y: 25, size: 17, fill: COLOURS.ink }),
    textPath(`iteration ${numberText(iteration)}`, {
      x: right,
      y: 25,
      size: 14,
      anchor: 'end',
      fill: COLOURS.muted,
    }),
    `<path d="M${MARGIN} ${y}H${right}" stroke="${COLOURS.rule}" stroke-width="2"/>`,
    `<path d="M${MARGIN} ${y}H${MARGIN + (right - MARGIN) * progress}" stroke="${COLOURS.muted}" stroke-width="2"/>`,
  ];
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEADER}">${svg.join('')}</svg>`;
  const drawn = sharp(Buffer.from(text)).flatten({ background: COLOURS.paper });
  const pixels = await (channels === 1 ? drawn.greyscale() : drawn.toColourspace('srgb')).raw().toBuffer();
  return { pixels, width, height: HEADER, channels };
}
