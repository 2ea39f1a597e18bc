import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { UsageProblem } from './problems.ts';
import type { Session } from './session.ts';
import { type ImageMode, showImage } from './terminal/images.ts';

export interface PictureOptions {
  out?: string;
  images: ImageMode;
}

/** Reads files; `-` is standard input. @throws UsageProblem naming a file that cannot be read */
export async function readInputs(files: readonly string[]): Promise<Uint8Array[]> {
  return await Promise.all(
    files.map(async (file) => {
      if (file === '-') return await buffer(process.stdin);
      return await readFile(file).catch((error: Error) => {
        throw new UsageProblem(`${file} cannot be read: ${error.message}`);
      });
    }),
  );
}

/** Whether a path names a folder. */
const isFolder = (path: string): boolean => path.endsWith('/');

/** Writes pictures to one file, or to a folder. @returns their paths */
export async function writePictures(
  out: string,
  pictures: readonly { name: string; bytes: Uint8Array }[],
): Promise<string[]> {
  const paths = pictures.map(({ name }) => (isFolder(out) ? join(out, name) : out));
  await mkdir(dirname(paths[0] ?? out), { recursive: true });
  await Promise.all(paths.map((path, i) => writeFile(path, pictures[i]!.bytes)));
  return paths;
}

/** Whether a picture goes to standard output: on request, or because standard output is a pipe or file. */
const goesToOutput = ({ out }: PictureOptions): boolean =>
  out === '-' || (out === undefined && process.stdout.isTTY !== true);

/** Writes a picture to standard output, or to a file and the terminal. */
export async function outputPicture(
  { output }: Session,
  picture: { name: string; bytes: Uint8Array },
  options: PictureOptions,
): Promise<void> {
  if (goesToOutput(options)) {
    output.bytes(picture.bytes);
    return;
  }
  if (output.isLive)
    process.stdout.write(await showImage(picture.bytes, options.images, sizeOf(picture.bytes)));
  const [path] = await writePictures(options.out ?? picture.name, [picture]);
  output.line(`${output.paint.green('wrote')} ${path}`);
}

/** Reads width and height from a PNG's header. */
export function sizeOf(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** Turns any text into a part of a file name. */
export const nameFrom = (text: string): string => text.replace(/[^\w.-]+/g, '_');

/** A file's name without folder and extension. */
export const stemOf = (file: string): string =>
  file === '-' ? 'input' : basename(file).replace(/\.\w+$/, '');
