import sharp from 'sharp';
import type { FilmRecord, PackedFilm } from '../core/contracts/films.ts';
import type { Raster } from '../data/images/raster.ts';
import { splitImages } from '../data/images/sheet.ts';
import { COLOURS } from './canvas.ts';
import { unpackFrames } from './frames.ts';
import { textPath } from './text.ts';
import { plane } from './tiles.ts';

const MARGIN = 12;
const HEADER = 44;
const WHITE = 255;

export interface FilmLook {
  /** About how wide the manifold is, in pixels. */
  side: number;
  /** The most frames; a longer film leaves out some at even distances. */
  frames: number;
}

/** As it is served, the same as a GIF, which packs badly, and as it is mailed within a report. */
export const LOOKS = {
  full: { side: 560, frames: Number.POSITIVE_INFINITY },
  gif: { side: 280, frames: Number.POSITIVE_INFINITY },
  small: { side: 280, frames: 30 },
} as const satisfies Record<string, FilmLook>;

/** Frames of a film one after another, all of the same size, sides even as video needs them; grey or RGB. */
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

/** `some` of 0 … count − 1 at even distances, first and last among them. */
const evenly = (count: number, some: number): number[] =>
  some < 2 ? [count - 1] : Array.from({ length: some }, (_, i) => Math.round((i * (count - 1)) / (some - 1)));

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

/** Label and iteration, and a line that grows from left to right as the film runs. */
async function drawHeader(
  { name }: FilmRecord,
  width: number,
  iteration: number,
  progress: number,
  channels: 1 | 3,
): Promise<Raster> {
  const right = width - MARGIN;
  const y = HEADER - 9.5;
  const count = String(iteration).replace(/\B(?=(\d{3})+$)/g, '\u2009');
  const svg = [
    textPath(`Label ${name}`, { x: MARGIN, y: 25, size: 17, fill: COLOURS.ink }),
    textPath(`iteration ${count}`, { x: right, y: 25, size: 14, anchor: 'end', fill: COLOURS.muted }),
    `<path d="M${MARGIN} ${y}H${right}" stroke="${COLOURS.rule}" stroke-width="2"/>`,
    `<path d="M${MARGIN} ${y}H${MARGIN + (right - MARGIN) * progress}" stroke="${COLOURS.muted}" stroke-width="2"/>`,
  ];
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEADER}">${svg.join('')}</svg>`;
  const drawn = sharp(Buffer.from(text)).flatten({ background: COLOURS.paper });
  const pixels = await (channels === 1 ? drawn.greyscale() : drawn.toColourspace('srgb')).raw().toBuffer();
  return { pixels, width, height: HEADER, channels };
}
