import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Zip, ZipPassThrough } from 'fflate';

/** The earliest time that a zip file can store. A fixed time makes the bytes reproducible. */
const NO_TIME = new Date(1980, 0, 1);

/** Packs a folder's files, except hidden ones, into a temporary zip file, uncompressed because images do not compress. */
export async function packFolder(folder: string): Promise<{ file: string; done(): Promise<void> }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        !relative(folder, path)
          .split(sep)
          .some((part) => part.startsWith('.')),
    )
    .sort();
  const temporary = await mkdtemp(join(tmpdir(), 'stylograph-zip-'));
  const file = join(temporary, `${basename(resolve(folder))}.zip`);
  await pipeline(Readable.from(zipped(folder, paths)), createWriteStream(file));
  return { file, done: () => rm(temporary, { recursive: true, force: true }) };
}

/** Yields the archive in pieces, with one file in memory at a time. */
async function* zipped(folder: string, paths: readonly string[]): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  const zip = new Zip((error, piece) => {
    if (error) throw error;
    pieces.push(piece);
  });
  for (const path of paths) {
    const entry = new ZipPassThrough(relative(folder, path).split(sep).join('/'));
    entry.mtime = NO_TIME;
    zip.add(entry);
    entry.push(await readFile(path), true);
    yield* pieces;
    pieces = [];
  }
  zip.end();
  yield* pieces;
}
