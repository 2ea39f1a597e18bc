import { errorCodeOf, type StylographError } from '../../core/errors.ts';
import { openStore } from '../../store/index.ts';
import { saveDataset } from '../uploaded.ts';
import { importDataset } from './import.ts';
import type { FromUploadChild, ToUploadChild } from './import-in-child.ts';

/**
 * Runs the child process of an upload: it imports the one upload that its parent sends, answers and ends. After a stop
 * message, or when its parent ends, it removes its unfinished files.
 */
export function serveUploadChild(): void {
  const stop = new AbortController();
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => {
    stop.abort();
    // An aborted write removes its files. Do not wait for an image that hangs in its decoder.
    setTimeout(() => process.exit(1), 5_000).unref();
  });
  process.on('message', (message: ToUploadChild) => {
    if (message.type === 'stop') stop.abort();
    else {
      store(message, stop.signal).then(answer, (error: unknown) => {
        const { code = 'internal', message: text, errors } = Object(error) as Partial<StylographError>;
        if (errorCodeOf(error) === undefined && !stop.signal.aborted) console.error(error);
        answer({ error: { code: errorCodeOf(error) ?? 'internal', message: text ?? String(code), errors } });
      });
    }
  });
}

async function store(
  { received, limits, storeRoot }: ToUploadChild & { type: 'start' },
  signal: AbortSignal,
): Promise<FromUploadChild> {
  const dataset = await importDataset(received, limits, signal);
  return await saveDataset(await openStore(storeRoot, 'prompt'), dataset, signal);
}

function answer(message: FromUploadChild): void {
  if (!process.connected) process.exit(1);
  process.send!(message, () => process.exit(0));
}
