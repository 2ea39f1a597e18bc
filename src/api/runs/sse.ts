import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../../core/contracts/run.ts';

/** One server-sent event, as the HTML standard frames it. */
export const frame = ({ id, type, data }: RunEvent): string =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

/** Milliseconds a client waits before it connects again. */
const RETRY_MS = 1_000;

/** Frames of the events as they come, and a comment whenever nothing did for a while. */
async function* frames(
  events: AsyncGenerator<RunEvent>,
  keepAliveMs: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  try {
    // Also makes the headers go out at once.
    yield `retry: ${RETRY_MS}\n: open\n\n`;
    const ask = () => {
      const answer = events.next();
      // Where it fails after the client has left, nobody is there to be told.
      answer.catch(() => {});
      return answer;
    };
    let next = ask();
    while (!signal.aborted) {
      const quiet = new AbortController();
      const timer = sleep(keepAliveMs, 'quiet' as const, { signal: quiet.signal });
      timer.catch(() => {});
      const outcome = await Promise.race([next, timer]).finally(() => quiet.abort());
      if (outcome === 'quiet') {
        yield ': still here\n\n';
        continue;
      }
      if (outcome.done) return;
      yield frame(outcome.value);
      next = ask();
    }
  } finally {
    // Not waited for: a generator that waits itself ends when its signal does.
    events.return(undefined).catch(() => {});
  }
}

/**
 * The events as a stream to send. Destroying it, as happens when the client leaves, aborts what feeds it even while
 * that waits: an idle generator would not hear of it by itself, and the stream is not closed before it has ended.
 */
export function eventStream(
  subscribe: (signal: AbortSignal) => AsyncGenerator<RunEvent>,
  keepAliveMs: number,
): Readable {
  const over = new AbortController();
  const events = subscribe(over.signal);
  const stream = Readable.from(frames(events, keepAliveMs, over.signal), { objectMode: true });
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, done) => {
    over.abort();
    destroy(error, done);
  };
  return stream;
}
