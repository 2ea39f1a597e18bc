import type { FilmFormat, PackedFilm } from '../core/contracts/films.ts';
import { StylographError } from '../core/errors.ts';
import { startChild } from '../platform/processes/start-child.ts';

export interface EncodingTask {
  film: PackedFilm;
  format: FilmFormat;
  /** `small` is for reports sent by mail. */
  look: 'full' | 'small';
}

export type FromFilmChild = { bytes: Uint8Array } | { error: string };

/** Far above the seconds that the longest film takes, even on a busy machine. */
const LIMIT_MS = 600_000;

/**
 * Encodes a film in a child process with low priority. Encoding blocks for seconds, during which the server must keep
 * answering, and the video encoder replaces its process's error handlers. A child that takes too long is killed.
 *
 * @param module path of the child's module
 * @throws child_died
 */
export async function encodeFilm(
  module: string,
  task: EncodingTask,
  limitMs = LIMIT_MS,
): Promise<Uint8Array> {
  const child = startChild(module, { lowPriority: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, limitMs);
  try {
    return await new Promise((resolve, reject) => {
      const fail = (how: string, cause?: unknown): void => reject(failed(task, how, cause));
      child.once('spawn', () => void child.send(task));
      child.once('message', (message: FromFilmChild) => {
        if ('bytes' in message) resolve(message.bytes);
        else fail(message.error);
      });
      // There may be several if the child dies before it receives its task.
      child.on('error', (error) => {
        if (!isLate) fail(error.message, error);
      });
      child.once('exit', (code, signal) => {
        fail(
          isLate
            ? `it took more than ${limitMs / 1000} s`
            : `its process ended with ${signal ?? `code ${code}`}`,
        );
      });
    });
  } finally {
    clearTimeout(timer);
  }
}

const failed = ({ film, format }: EncodingTask, how: string, cause: unknown): StylographError =>
  new StylographError(
    'child_died',
    `The film of "${film.record.name}" could not be encoded as ${format}: ${how}. Try again when the machine is less busy, or request another format.`,
    { cause },
  );
