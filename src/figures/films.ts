import { fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { forwardComplaints } from '../contracts/child-output.ts';
import type { FilmFormat, PackedFilm } from '../contracts/films.ts';

export interface EncodingTask {
  film: PackedFilm;
  format: FilmFormat;
  /** `small`: for a report that is mailed. */
  look: 'full' | 'small';
}

export type FromFilmChild = { bytes: Uint8Array } | { error: string };

/** From source the child needs the TypeScript loader, also where the parent got it in another way. */
function forkOptions(): { path: string; execArgv: string[] } {
  const isSource = import.meta.url.endsWith('.ts');
  const path = fileURLToPath(new URL(isSource ? './film-child.ts' : './film-child.js', import.meta.url));
  return { path, execArgv: isSource ? ['--import', import.meta.resolve('tsx')] : [] };
}

/**
 * Encodes a film in a process of its own, at low priority: it computes for up to seconds, in which a server must go on
 * answering, and the video encoder takes over its process's error handling.
 */
export async function encodeFilm(task: EncodingTask): Promise<Uint8Array> {
  const { path, execArgv } = forkOptions();
  const child = fork(path, {
    execArgv,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  forwardComplaints(child);
  return await new Promise((resolve, reject) => {
    child.once('spawn', () => {
      setPriority(child.pid!, constants.priority.PRIORITY_BELOW_NORMAL);
      child.send(task);
    });
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
