import { createRequire } from 'node:module';
import type gifencModule from 'gifenc';
import type * as H264 from 'h264-mp4-encoder';
import sharp from 'sharp';
import type { FilmFormat, PackedFilm } from '../core/contracts/films.ts';
import type { Raster } from '../data/images/raster.ts';
import { drawFilmFrames, LOOKS } from './film-frames.ts';
import { clearTimes } from './mp4-times.ts';

// Both packages are CommonJS without the marks by which Node finds their names.
const require = createRequire(import.meta.url);
const { GIFEncoder, quantize, applyPalette } = require('gifenc') as typeof gifencModule;
const { createH264MP4Encoder } = require('h264-mp4-encoder') as typeof H264;

/** About how long a film runs, apart from the last frame, which stays. */
const FILM_MS = 6_000;
const FRAME_MS = { least: 40, most: 200 };
const LAST_MS = 1_600;
/** Grey levels of a GIF and of WebP, their size in mind; fewer where it counts most. */
const GREYS = { full: 32, small: 16 };
/** Of H.264, 10 (best) to 51. */
const QUANTIZER = 26;
/** Of WebP in colour. */
const WEBP_QUALITY = 80;

interface Timing {
  /** Milliseconds a frame; a multiple of ten, which is a GIF's unit. */
  frame: number;
  /** Milliseconds of each frame. */
  each: number[];
}

function timingOf(frames: number): Timing {
  const even = Math.round(FILM_MS / frames / 10) * 10;
  const frame = Math.min(FRAME_MS.most, Math.max(FRAME_MS.least, even));
  return { frame, each: Array.from({ length: frames }, (_, i) => (i === frames - 1 ? LAST_MS : frame)) };
}

/** Encodes a film; the same film gives the same bytes. Computes for up to seconds: see films.ts. */
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
 * Few grey levels without loss are smaller than all of them with loss, and free of the ghosts that loss leaves around
 * strokes from frame to frame.
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
  // The colours of the last frame are those of the data.
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
