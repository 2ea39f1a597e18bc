import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { readFace, some, UnfitFont } from './face.ts';
import { renderFace } from './render.ts';

const FONT = /\.(ttf|otf|woff)$/i;

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
  /** Files that are no use, and why. */
  leftOut: Remark[];
  /** What is doubtful about fonts that were taken. */
  remarks: Remark[];
}

export interface DrawOptions {
  characters: readonly string[];
  size: number;
  signal: AbortSignal;
  onProgress?: (done: number, all: number) => void;
}

/** Draws every font below a folder, by path; hidden files and folders are passed over. */
export async function drawFonts(folder: string, options: DrawOptions): Promise<DrawnFonts> {
  const files = await fontFiles(folder);
  const drawn: DrawnFonts = { fonts: [], leftOut: [], remarks: [] };
  const seen = new Map<string, string>();
  for (const [done, file] of files.entries()) {
    options.signal.throwIfAborted();
    options.onProgress?.(done, files.length);
    try {
      await add(drawn, seen, file, await readFile(join(folder, file)), options);
    } catch (error) {
      if (!(error instanceof UnfitFont)) throw error;
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

async function add(
  { fonts, remarks }: DrawnFonts,
  seen: Map<string, string>,
  file: string,
  bytes: Uint8Array,
  { characters, size }: DrawOptions,
): Promise<void> {
  const face = readFace(bytes, characters);
  const images = await renderFace(face, size);
  const digest = createHash('sha256').update(images).digest('base64');
  const twin = seen.get(digest);
  if (twin !== undefined) throw new UnfitFont(`looks the same as ${twin}`);
  seen.set(digest, file);
  const alike = alikeIn(images, characters);
  if (alike.length > 0) remarks.push({ file, text: `draws alike ${some(alike)}` });
  fonts.push({ file, family: face.family ?? file, style: face.style, images });
}

/** Characters that look the same, as "A a": small capitals, or a symbol for all. */
function alikeIn(images: Uint8Array, characters: readonly string[]): string[] {
  const size = images.length / characters.length;
  const groups = new Map<string, string[]>();
  for (const [at, character] of characters.entries()) {
    const key = Buffer.from(images.subarray(at * size, (at + 1) * size)).toString('latin1');
    groups.set(key, [...(groups.get(key) ?? []), character]);
  }
  return [...groups.values()].filter((group) => group.length > 1).map((group) => group.join(' '));
}
