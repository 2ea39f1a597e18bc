import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { abbreviate } from '../abbreviate.ts';
import { rasterizeWhite } from '../images/decode.ts';
import { type Face, type Outline, readFace, UnusableFont } from './face.ts';

const FONT = /\.(ttf|otf|woff)$/i;
/** Groups of characters that a remark lists. */
const LISTED = 5;
/** Distance of the baseline from the top as a share of the side: the same in every image. */
const BASELINE = 3 / 4;
/** Black margin on all sides, as a share of the side. */
const MARGIN = 1 / 16;

/** One font file, drawn. */
export interface DrawnFont {
  /** Path within the folder. */
  file: string;
  family: string;
  style: string;
  /** characters × size × size bytes. */
  images: Uint8Array;
}

export interface Remark {
  file: string;
  text: string;
}

export interface DrawnFonts {
  fonts: DrawnFont[];
  /** Files that cannot be used, and why. */
  leftOut: Remark[];
  /** Warnings about fonts that were drawn. */
  remarks: Remark[];
}

export interface DrawOptions {
  characters: readonly string[];
  size: number;
  signal: AbortSignal;
  onProgress?: (done: number, all: number) => void;
}

/** Draws every font below a folder, ordered by path; hidden files and folders are skipped. */
export async function drawFonts(folder: string, options: DrawOptions): Promise<DrawnFonts> {
  const files = await fontFiles(folder);
  const drawn: DrawnFonts = { fonts: [], leftOut: [], remarks: [] };
  const fileByDigest = new Map<string, string>();
  for (const [done, file] of files.entries()) {
    options.signal.throwIfAborted();
    options.onProgress?.(done, files.length);
    try {
      await addFont(drawn, fileByDigest, file, await readFile(join(folder, file)), options);
    } catch (error) {
      if (!(error instanceof UnusableFont)) throw error;
      drawn.leftOut.push({ file, text: error.message });
    }
  }
  return drawn;
}

async function fontFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && FONT.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((file) => !file.split('/').some((part) => part.startsWith('.')))
    .sort();
}

async function addFont(
  { fonts, remarks }: DrawnFonts,
  fileByDigest: Map<string, string>,
  file: string,
  bytes: Uint8Array,
  { characters, size }: DrawOptions,
): Promise<void> {
  const face = readFace(bytes, characters);
  const images = await renderFace(face, size);
  const digest = createHash('sha256').update(images).digest('base64');
  const twin = fileByDigest.get(digest);
  if (twin !== undefined) throw new UnusableFont(`looks the same as ${twin}`);
  fileByDigest.set(digest, file);
  const identical = identicalCharacters(images, characters);
  if (identical.length > 0) remarks.push({ file, text: `draws alike ${abbreviate(identical, LISTED)}` });
  fonts.push({ file, family: face.family ?? file, style: face.style, images });
}

/** Groups of characters with identical images, such as "A a" in small capitals. */
function identicalCharacters(images: Uint8Array, characters: readonly string[]): string[] {
  const size = images.length / characters.length;
  const groups = new Map<string, string[]>();
  for (const [at, character] of characters.entries()) {
    const key = Buffer.from(images.subarray(at * size, (at + 1) * size)).toString('latin1');
    groups.set(key, [...(groups.get(key) ?? []), character]);
  }
  return [...groups.values()].filter((group) => group.length > 1).map((group) => group.join(' '));
}

/**
 * Draws every character of a face, white on black, each in its own square.
 *
 * The baseline is at three quarters of the height. All characters share one scale: the largest at which the tallest, the
 * deepest and the widest stay within the margin. Each is centred by its width. x-height, ascenders, widths and weight keep
 * their proportions.
 *
 * @returns characters × size × size bytes
 */
async function renderFace({ outlines }: Face, size: number): Promise<Uint8Array> {
  const scale = scaleOf(outlines, size);
  const shapes = outlines.map(({ path, left, right }, at) => {
    const x = size * (at + 1 / 2) - (scale * (left + right)) / 2;
    return `<path transform="translate(${x} ${size * BASELINE}) scale(${scale})" d="${path}"/>`;
  });
  const strip = await rasterizeWhite(shapes.join(''), size * outlines.length, size);
  return splitStrip(strip.pixels, outlines.length, size);
}

/** Pixels per unit of the outlines. */
function scaleOf(outlines: readonly Outline[], size: number): number {
  const available = size * (1 - 2 * MARGIN);
  const above = size * (BASELINE - MARGIN);
  const largest = (measure: (outline: Outline) => number): number => Math.max(...outlines.map(measure));
  const widest = largest(({ left, right }) => right - left);
  const highest = largest(({ top }) => -top);
  const deepest = largest(({ bottom }) => bottom);
  return Math.min(
    available / widest,
    above / Math.max(0, highest),
    (available - above) / Math.max(0, deepest),
  );
}

/** Turns a row of squares into one square after another. */
function splitStrip(strip: Uint8Array, count: number, size: number): Uint8Array {
  const out = new Uint8Array(strip.length);
  for (let at = 0; at < count; at++) {
    for (let y = 0; y < size; y++) {
      const from = (y * count + at) * size;
      out.set(strip.subarray(from, from + size), (at * size + y) * size);
    }
  }
  return out;
}
