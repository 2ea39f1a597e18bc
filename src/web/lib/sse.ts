import { createParser } from 'eventsource-parser';
import { authorization, toError } from './api.ts';
import type { RunEvent } from './contract.ts';
import { connection, returns } from './session.ts';

/** The server sends a comment every 15 s; a connection that is silent for longer than this is dead. */
const SILENCE_MS = 40_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

export interface Following {
  path: string;
  /** The event to go on after; one that the server does not know makes it answer with a `reset` first. */
  lastEventId: string;
  onEvent(event: RunEvent): void;
  signal: AbortSignal;
}

/** Waits; not longer than until the machine or the server is back, or the caller gives up. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      unsubscribe();
      resolve();
    };
    const timer = setTimeout(done, ms);
    const before = returns.value;
    const unsubscribe = returns.subscribe((now) => {
      if (now !== before) done();
    });
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}

/**
 * Follows an event stream to its `end`, over lost connections: each new one goes on after the last event that was
 * taken. `EventSource` cannot send an API key, so this is `fetch` with the same semantics.
 * @throws ApiError when the server refuses the stream for good (a wrong key, a run that does not exist)
 */
export async function followEvents(following: Following): Promise<void> {
  const { signal } = following;
  let { lastEventId } = following;
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const ended = await readStream({ ...following, lastEventId }, (event) => {
      lastEventId = event.id;
      wait = FIRST_WAIT_MS;
      following.onEvent(event);
    });
    if (ended || signal.aborted) return;
    connection.value = 'lost';
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/** One connection. @returns whether the stream is over for good */
async function readStream(following: Following, take: (event: RunEvent) => void): Promise<boolean> {
  const { path, lastEventId, signal } = following;
  const over = new AbortController();
  const abort = (): void => over.abort();
  signal.addEventListener('abort', abort);
  let silence: ReturnType<typeof setTimeout> | undefined;
  const hear = (): void => {
    clearTimeout(silence);
    silence = setTimeout(abort, SILENCE_MS);
  };
  let ended = false;
  const parser = createParser({
    onEvent: ({ id = '', event = 'message', data }) => {
      take({ id, type: event, data: JSON.parse(data) as RunEvent['data'] });
      ended ||= event === 'end';
    },
  });
  try {
    hear();
    const headers = { accept: 'text/event-stream', 'last-event-id': lastEventId, ...authorization() };
    const response = await fetch(path, { headers, signal: over.signal, cache: 'no-store' });
    if (response.status === 204) return true;
    if (!response.ok || !response.body) {
      if (response.status >= 400 && response.status < 500) throw await toError(response);
      return false;
    }
    connection.value = 'ok';
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    while (!ended) {
      const { done, value } = await reader.read();
      if (done) return ended;
      hear();
      parser.feed(value);
    }
    return true;
  } catch (error) {
    if ((error as Error).name === 'ApiError') throw error;
    return false;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', abort);
    over.abort();
  }
}
