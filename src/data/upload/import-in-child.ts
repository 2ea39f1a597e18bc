import type { DatasetInfo, DatasetLimits, ReceivedDataset } from '../../core/contracts/dataset.ts';
import { type ErrorCode, type FieldError, StylographError } from '../../core/errors.ts';
import { startChild } from '../../platform/processes/start-child.ts';

export type ToUploadChild =
  | { type: 'start'; received: ReceivedDataset; limits: DatasetLimits; storeRoot: string }
  | { type: 'stop' };

export interface ImportedDataset {
  info: DatasetInfo;
  /** False if it already existed. */
  added: boolean;
}

export type FromUploadChild =
  | ImportedDataset
  | { error: { code: ErrorCode; message: string; errors?: FieldError[] | undefined } };

type Start = Omit<Extract<ToUploadChild, { type: 'start' }>, 'type'>;

/** Time for a stopped child to remove its unfinished files. */
const STOP_MS = 5_000;

/**
 * Imports an upload in a child process with low priority. The import decodes untrusted files and computes for up to
 * minutes, during which the server must keep answering.
 *
 * @param module path of the child's module
 * @throws invalid_dataset, disk_full, child_died; the signal's reason
 */
export async function importInChild(
  module: string,
  start: Start,
  signal: AbortSignal,
): Promise<ImportedDataset> {
  signal.throwIfAborted();
  const child = startChild(module, { lowPriority: true });
  let killer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (child.connected) child.send({ type: 'stop' } satisfies ToUploadChild);
    killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<ImportedDataset>((resolve, reject) => {
      let answer: FromUploadChild | undefined;
      child.once('spawn', () => void child.send({ type: 'start', ...start } satisfies ToUploadChild));
      child.once('message', (message: FromUploadChild) => {
        answer = message;
      });
      child.once('error', reject);
      child.once('exit', (code, killed) => {
        if (signal.aborted) reject(signal.reason);
        else if (answer === undefined) reject(died(killed ?? `code ${code}`));
        else if ('error' in answer)
          reject(
            new StylographError(answer.error.code, answer.error.message, {
              ...(answer.error.errors && { errors: answer.error.errors }),
            }),
          );
        else resolve(answer);
      });
    });
  } finally {
    clearTimeout(killer);
    signal.removeEventListener('abort', stop);
  }
}

const died = (how: string): StylographError =>
  new StylographError(
    'child_died',
    `The process that imports datasets ended with ${how}, and nothing was stored. It may have run out of memory: send smaller images, or fewer.`,
  );
