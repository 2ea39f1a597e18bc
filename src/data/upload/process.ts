import type { DatasetInfo, DatasetLimits, ReceivedDataset } from '../../core/contracts/dataset.ts';
import { type ErrorCode, type FieldError, StylographError } from '../../core/errors.ts';
import { startChild } from '../../platform/processes/start-child.ts';

export type ToUploadChild =
  | { type: 'start'; received: ReceivedDataset; limits: DatasetLimits; storeRoot: string }
  | { type: 'stop' };

export interface TakenIn {
  info: DatasetInfo;
  /** False when it was there already. */
  added: boolean;
}

export type FromUploadChild =
  | TakenIn
  | { error: { code: ErrorCode; message: string; errors?: FieldError[] | undefined } };

type Start = Omit<Extract<ToUploadChild, { type: 'start' }>, 'type'>;

/** How long a child that was told to stop may take to remove what it has begun. */
const STOP_MS = 5_000;

/**
 * Takes in an upload in a process of its own at low priority: it decodes what strangers send and computes for up to minutes,
 * in which a server must go on answering.
 *
 * @param module path of the child's module
 * @throws invalid_dataset, disk_full, child_died; the signal's reason
 */
export async function takeInApart(module: string, start: Start, signal: AbortSignal): Promise<TakenIn> {
  signal.throwIfAborted();
  const child = startChild(module, { lowPriority: true });
  let killer: NodeJS.Timeout | undefined;
  const leave = (): void => {
    if (child.connected) child.send({ type: 'stop' } satisfies ToUploadChild);
    killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  };
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await new Promise<TakenIn>((resolve, reject) => {
      let told: FromUploadChild | undefined;
      child.once('spawn', () => void child.send({ type: 'start', ...start } satisfies ToUploadChild));
      child.once('message', (message: FromUploadChild) => {
        told = message;
      });
      child.once('error', reject);
      child.once('exit', (code, killed) => {
        if (signal.aborted) reject(signal.reason);
        else if (told === undefined) reject(died(killed ?? `code ${code}`));
        else if ('error' in told)
          reject(
            new StylographError(told.error.code, told.error.message, {
              ...(told.error.errors && { errors: told.error.errors }),
            }),
          );
        else resolve(told);
      });
    });
  } finally {
    clearTimeout(killer);
    signal.removeEventListener('abort', leave);
  }
}

const died = (how: string): StylographError =>
  new StylographError(
    'child_died',
    `The process that takes in datasets ended with ${how}, and nothing was kept. It may have needed more memory than there is: send smaller images, or fewer.`,
  );
