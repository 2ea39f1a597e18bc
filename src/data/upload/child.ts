import { errorCodeOf, type StylographError } from '../../core/errors.ts';
import { openStore } from '../../store/index.ts';
import { keepDataset } from '../stored.ts';
import type { FromUploadChild, ToUploadChild } from './process.ts';
import { takeIn } from './take-in.ts';

/*
 * A process that takes in the one upload it is given, answers and ends. Told to stop it leaves nothing behind; it ends
 * without its parent, too.
 */
const stop = new AbortController();

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => {
  stop.abort();
  // What is being written is removed by who wrote it; a picture that hangs in its decoder is not waited for.
  setTimeout(() => process.exit(1), 5_000).unref();
});
process.on('message', (message: ToUploadChild) => {
  if (message.type === 'stop') stop.abort();
  else {
    work(message).then(answer, (error: unknown) => {
      const { code = 'internal', message: text, errors } = Object(error) as Partial<StylographError>;
      if (errorCodeOf(error) === undefined && !stop.signal.aborted) console.error(error);
      answer({ error: { code: errorCodeOf(error) ?? 'internal', message: text ?? String(code), errors } });
    });
  }
});

async function work({
  received,
  limits,
  storeRoot,
}: ToUploadChild & { type: 'start' }): Promise<FromUploadChild> {
  const dataset = await takeIn(received, limits, stop.signal);
  return await keepDataset(await openStore(storeRoot, 'prompt'), dataset, stop.signal);
}

function answer(message: FromUploadChild): void {
  if (!process.connected) process.exit(1);
  process.send!(message, () => process.exit(0));
}
