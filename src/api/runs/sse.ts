import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run, RunEvent } from '../../core/contracts/run.ts';
import { StylographError } from '../../core/errors.ts';

/** An event of a run, or a snapshot of it. */
export type SentEvent = RunEvent | { id: string; type: 'reset'; data: Run };

/** One server-sent event in the format of the HTML standard. */
const frame = ({ id, type, data }: SentEvent): string =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

/** How long a client waits before it reconnects. */
const RETRY_MS = 1_000;

/** Frames of the events, and a comment after every `keepAliveMs` without an event. */
async function* frames(
  events: AsyncGenerator<SentEvent>,
  keepAliveMs: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  try {
    // This also sends the headers at once.
    yield `retry: ${RETRY_MS}\n: open\n\n`;
    const requestNext = () => {
      const answer = events.next();
      // If it fails after the client disconnected, nothing awaits it.
      answer.catch(() => {});
      return answer;
    };
    let next = requestNext();
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
      next = requestNext();
    }
  } finally {
    // Not awaited: a generator that is waiting ends when its signal aborts.
    events.return(undefined).catch(() => {});
  }
}

/**
 * The events as a stream of server-sent events. Destroying the stream, as Fastify does when the client disconnects,
 * aborts the source. An idle generator would not notice otherwise, and the stream would not close.
 */
export function eventStream(
  subscribe: (signal: AbortSignal) => AsyncGenerator<SentEvent>,
  keepAliveMs: number,
): Readable {
  const ended = new AbortController();
  const events = subscribe(ended.signal);
  const stream = Readable.from(frames(events, keepAliveMs, ended.signal), { objectMode: true });
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, done) => {
    ended.abort();
    destroy(error, done);
  };
  return stream;
}

const RETRY_SECONDS = 10;

/** Limits how many event streams each client keeps open. */
export class StreamCounter {
  readonly #most: number;
  readonly #open = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @param client identifies the client @returns a function to call once, when the stream ended @throws too_many_streams */
  enter(client: string): () => void {
    const count = this.#open.get(client) ?? 0;
    if (count >= this.#most) {
      throw new StylographError(
        'too_many_streams',
        `This client has ${count} open event streams, the most allowed. Close one, or request events as JSON.`,
        { retryAfter: RETRY_SECONDS },
      );
    }
    this.#open.set(client, count + 1);
    return () => {
      const left = this.#open.get(client)! - 1;
      if (left > 0) this.#open.set(client, left);
      else this.#open.delete(client);
    };
  }
}
