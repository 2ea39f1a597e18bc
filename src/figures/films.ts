import { forkAside } from '../contracts/child-process.ts';
import type { FilmFormat, PackedFilm } from '../contracts/films.ts';

export interface EncodingTask {
  film: PackedFilm;
  format: FilmFormat;
  /** `small`: for a report that is mailed. */
  look: 'full' | 'small';
}

export type FromFilmChild = { bytes: Uint8Array } | { error: string };

/**
 * Encodes a film in a process of its own, at low priority: it computes for up to seconds, in which a server must go on
 * answering, and the video encoder takes over its process's error handling.
 */
export async function encodeFilm(task: EncodingTask): Promise<Uint8Array> {
  const child = forkAside(import.meta.url, './film-child');
  return await new Promise((resolve, reject) => {
    child.once('spawn', () => void child.send(task));
    child.once('message', (message: FromFilmChild) => {
      if ('bytes' in message) resolve(message.bytes);
      else reject(new Error(`The film could not be encoded: ${message.error}`));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`The process that encodes films ended with ${signal ?? `code ${code}`}.`));
    });
  });
}
