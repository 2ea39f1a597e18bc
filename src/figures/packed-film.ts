import { promisify } from 'node:util';
import { deflate, inflateSync } from 'node:zlib';
import type { FilmRecord, PackedFilm } from '../core/contracts/films.ts';
import type { ImageSpec } from '../core/contracts/model.ts';

const deflateAsync = promisify(deflate);

/** Collects the frames of one label's film, compressed. */
export class FilmPacker {
  readonly #record: FilmRecord;
  readonly #frames: Buffer[] = [];

  /** @param size images per side of a frame */
  constructor({ width, height, channels, labels }: ImageSpec, label: number, size: number) {
    const name = labels[label] ?? String(label);
    this.#record = { label, name, iterations: [], grid: size, width, height, channels, lengths: [] };
  }

  /** @param images the frame's images, row by row */
  async add(iteration: number, images: Uint8Array): Promise<void> {
    const frame = await deflateAsync(images, { level: 1 });
    this.#frames.push(frame);
    this.#record.iterations.push(iteration);
    this.#record.lengths.push(frame.length);
  }

  finish(): PackedFilm {
    return { record: this.#record, frames: Buffer.concat(this.#frames) };
  }
}

/** Unpacks one frame at a time, in the order of their addition. */
export function* unpackFrames({
  record,
  frames,
}: PackedFilm): Generator<{ iteration: number; images: Uint8Array }> {
  let at = 0;
  for (const [index, length] of record.lengths.entries()) {
    yield { iteration: record.iterations[index]!, images: inflateSync(frames.subarray(at, at + length)) };
    at += length;
  }
}
