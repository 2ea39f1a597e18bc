import { createParser } from 'eventsource-parser';
import type { Http } from './http.ts';
import { backoffMs, isProblem, pause } from './retry.ts';
import type { RunEvent } from './types.ts';

/** The server sends a comment every 15 s: a connection that is silent for this long is dead. */
const SILENCE_MS = 45_000;
const DEFAULT_PATIENCE_MS = 120_000;

export interface FollowOptions {
  /** Go on after this event; from the first one otherwise. */
  after?: string | undefined;
  signal?: AbortSignal | undefined;
  /** How long the server may be away before the iteration throws; default two minutes. */
  patienceMs?: number | undefined;
  /** Told when a connection was lost, before the pause. */
  onLost?: ((reason: unknown, pauseMs: number) => void) | undefined;
}

/** Chunks of a body. Throws when nothing comes for a while; leaving the loop closes the connection. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      let watch: ReturnType<typeof setTimeout> | undefined;
      const silence = new Promise<never>((_, reject) => {
        watch = setTimeout(() => reject(new Error(`silent for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
      });
      const { done, value } = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(watch));
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** Events of one connection, until it ends. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<RunEvent> {
  const ready: RunEvent[] = [];
  const parser = createParser({
    onEvent: ({ id = '', event = 'message', data }) =>
      ready.push({ id, type: event, data: JSON.parse(data) } as RunEvent),
  });
  for await (const chunk of chunksOf(body)) {
    parser.feed(chunk);
    yield* ready.splice(0);
  }
}

/**
 * The events of a run up to its `end`, each once, over lost connections and restarts of the server: it goes on
 * after the last one seen. After a `reset`, whose data is the run as it is now, some may be told again.
 *
 * @throws StylographProblem when the server refuses, or is away for longer than `patienceMs`
 */
export async function* followEvents(
  http: Http,
  runId: string,
  { after, signal, patienceMs = DEFAULT_PATIENCE_MS, onLost }: FollowOptions = {},
): AsyncGenerator<RunEvent, void> {
  let last = after;
  let heardAt = Date.now();
  for (let failures = 0; ; ) {
    let reason: unknown;
    try {
      const response = await http.send({
        path: `/runs/${encodeURIComponent(runId)}/events`,
        accept: 'text/event-stream',
        ...(last === undefined ? {} : { headers: { 'last-event-id': last } }),
        signal,
        endless: true,
        retries: 0,
      });
      if (response.status === 204 || response.body === null) return;
      for await (const event of eventsOf(response.body)) {
        heardAt = Date.now();
        failures = 0;
        last = event.id || last;
        yield event;
        if (event.type === 'end') return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (isProblem(error) && isFinal(error)) throw error;
      if (Date.now() - heardAt > patienceMs) throw error;
      reason = error;
    }
    const wait = backoffMs(++failures);
    onLost?.(reason, wait);
    await pause(wait, signal);
  }
}

/** The server understood, and will say the same again. */
const isFinal = ({ status }: { status: number | undefined }): boolean =>
  status !== undefined && status < 500 && status !== 408 && status !== 429;
