import { createRequire } from 'node:module';
import type gifencModule from 'gifenc';
import type * as H264 from 'h264-mp4-encoder';
import sharp from 'sharp';
import type { FilmFormat, PackedFilm } from '../core/contracts/films.ts';
import type { Raster } from '../data/images/raster.ts';
import { drawFilmFrames, LOOKS } from './film-frames.ts';

// Both packages are CommonJS in a form in which Node does not detect named exports.
const require = createRequire(import.meta.url);
const { GIFEncoder, quantize, applyPalette } = require('gifenc') as typeof gifencModule;
const { createH264MP4Encoder } = require('h264-mp4-encoder') as typeof H264;

/** Approximate duration of a film without its last frame, which is shown longer. */
const FILM_MS = 6_000;
const FRAME_MS = { least: 40, most: 200 };
const LAST_MS = 1_600;
/** Grey levels of GIF and WebP: fewer make a smaller file. */
const GREYS = { full: 32, small: 16 };
/** H.264 quantizer, 10 (best) to 51. */
const QUANTIZER = 26;
/** WebP quality for colour. */
const WEBP_QUALITY = 80;
/** MP4 boxes that contain others on the path to those with times. */
const CONTAINERS = new Set(['moov', 'trak', 'mdia']);
/** MP4 boxes that start with version, flags, creation and modification time (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2). */
const DATED = new Set(['mvhd', 'tkhd', 'mdhd']);
const BOX_HEADER_BYTES = 8;

interface Timing {
  /** Milliseconds per frame; a multiple of 10, the unit of GIF. */
  frame: number;
  /** Milliseconds of each frame; the last differs. */
  each: number[];
}

function timingOf(frames: number): Timing {
  const even = Math.round(FILM_MS / frames / 10) * 10;
  const frame = Math.min(FRAME_MS.most, Math.max(FRAME_MS.least, even));
  return { frame, each: Array.from({ length: frames }, (_, i) => (i === frames - 1 ? LAST_MS : frame)) };
}

/** Encodes a film; the same film gives the same bytes. It blocks for seconds: see encode-film.ts. */
export async function encodeFrames(
  film: PackedFilm,
  format: FilmFormat,
  look: 'full' | 'small',
): Promise<Uint8Array> {
  const frames: Raster[] = [];
  const size = look === 'full' && format === 'gif' ? LOOKS.gif : LOOKS[look];
  for await (const frame of drawFilmFrames(film, size)) frames.push(frame);
  const timing = timingOf(frames.length);
  switch (format) {
    case 'webp':
      return await encodeWebp(frames, timing, GREYS[look]);
    case 'gif':
      return encodeGif(frames, timing, GREYS[look]);
    case 'mp4':
      return await encodeMp4(frames, timing);
  }
}

/**
 * Lossless compression of few grey levels is smaller than lossy compression of all of them. It also has no ghosts around
 * strokes from earlier frames.
 */
async function encodeWebp(frames: readonly Raster[], timing: Timing, greys: number): Promise<Uint8Array> {
  const { width, height, channels } = frames[0]!;
  const step = 255 / (greys - 1);
  const stacked = Buffer.concat(
    frames.map(({ pixels }) =>
      channels === 1 ? pixels.map((level) => Math.round(Math.round(level / step) * step)) : pixels,
    ),
  );
  const raw = { width, height: height * frames.length, channels, pageHeight: height };
  const how = channels === 1 ? { lossless: true, effort: 2 } : { quality: WEBP_QUALITY, effort: 2 };
  return await sharp(stacked, { raw, limitInputPixels: false })
    .webp({ ...how, loop: 0, delay: timing.each })
    .toBuffer();
}

function encodeGif(frames: readonly Raster[], timing: Timing, levels: number): Uint8Array {
  const gif = GIFEncoder();
  const { channels } = frames[0]!;
  const step = 255 / (levels - 1);
  const greys = Array.from({ length: levels }, (_, i) => {
    const level = Math.round(i * step);
    return [level, level, level] as [number, number, number];
  });
  // The last frame has the colours of the trained model.
  const palette = channels === 1 ? greys : quantize(withAlpha(frames.at(-1)!), 256);
  for (const [index, frame] of frames.entries()) {
    const indexed =
      channels === 1
        ? frame.pixels.map((level) => Math.round(level / step))
        : applyPalette(withAlpha(frame), palette);
    gif.writeFrame(indexed, frame.width, frame.height, {
      delay: timing.each[index]!,
      repeat: 0,
      ...(index === 0 ? { palette } : {}),
    });
  }
  gif.finish();
  return gif.bytes();
}

async function encodeMp4(frames: readonly Raster[], timing: Timing): Promise<Uint8Array> {
  const encoder = await createH264MP4Encoder();
  try {
    encoder.width = frames[0]!.width;
    encoder.height = frames[0]!.height;
    encoder.frameRate = Math.round(1000 / timing.frame);
    encoder.quantizationParameter = QUANTIZER;
    encoder.groupOfPictures = 20;
    encoder.initialize();
    for (const [index, frame] of frames.entries()) {
      const rgba = withAlpha(frame);
      const repeats = Math.max(1, Math.round(timing.each[index]! / timing.frame));
      for (let shown = 0; shown < repeats; shown++) encoder.addFrameRgba(rgba);
    }
    encoder.finalize();
    return clearTimes(new Uint8Array(encoder.FS.readFile(encoder.outputFilename)));
  } finally {
    encoder.delete();
  }
}

function withAlpha({ pixels, width, height, channels }: Raster): Uint8Array {
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < pixels.length; from += channels, to += 4) {
    rgba[to] = pixels[from]!;
    rgba[to + 1] = pixels[from + (channels === 1 ? 0 : 1)]!;
    rgba[to + 2] = pixels[from + (channels === 1 ? 0 : 2)]!;
  }
  return rgba;
}

/** Clears the creation times of an MP4 file in place, so that the same film has the same bytes. Needs 32-bit sizes. */
function clearTimes(mp4: Uint8Array): Uint8Array {
  const view = Buffer.from(mp4.buffer, mp4.byteOffset, mp4.length);
  const walk = (from: number, to: number): void => {
    for (let at = from; at + BOX_HEADER_BYTES <= to; ) {
      const size = view.readUInt32BE(at);
      const type = view.toString('latin1', at + 4, at + BOX_HEADER_BYTES);
      // 0 means "to the end" and 1 a longer header; neither occurs before the times.
      if (size < BOX_HEADER_BYTES) return;
      if (CONTAINERS.has(type)) walk(at + BOX_HEADER_BYTES, at + size);
      // Version 0 has times of four bytes each, version 1 of eight.
      if (DATED.has(type)) view.fill(0, at + 12, at + 12 + (view[at + BOX_HEADER_BYTES] === 0 ? 8 : 16));
      at += size;
    }
  };
  walk(0, view.length);
  return mp4;
}
