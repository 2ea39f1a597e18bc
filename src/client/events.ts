import { createParser } from 'eventsource-parser';
import type { Http } from './http.ts';
import { backoffMs, isProblem, pause } from './retry.ts';
import type { RunEvent } from './types.ts';

/** The server sends a comment every 15 s, so a connection without data for this long is dead. */
const SILENCE_MS = 45_000;
const DEFAULT_PATIENCE_MS = 120_000;

export interface FollowOptions {
  /** Start after this event; default: from the first one. An unknown id makes the server send a `reset` first. */
  after?: string | undefined;
  signal?: AbortSignal | undefined;
  /** How long the server may be unreachable before the iteration throws; default two minutes. */
  patienceMs?: number | undefined;
  /** Called when a connection was lost, before the pause. */
  onLost?: ((reason: unknown, pauseMs: number) => void) | undefined;
  /** Ends a pause early when it resolves, for instance when the network is back. `signal` aborts after the pause. */
  wake?: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/** Chunks of a body as text. Throws after SILENCE_MS without data; leaving the loop closes the connection. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no data for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
      });
      const { done, value } = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
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
 * The events of a run up to its `end`, each once. After a lost connection or a restart of the server it continues
 * after the last event received. After a `reset`, whose data is the current run, events may repeat.
 *
 * @throws StylographProblem when the server refuses, or is unreachable for longer than `patienceMs`
 */
export async function* followEvents(
  http: Http,
  runId: string,
  { after, signal, patienceMs = DEFAULT_PATIENCE_MS, onLost, wake }: FollowOptions = {},
): AsyncGenerator<RunEvent, void> {
  let last = after;
  let receivedAt = Date.now();
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
        receivedAt = Date.now();
        failures = 0;
        last = event.id || last;
        yield event;
        if (event.type === 'end') return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (isProblem(error) && isFinal(error)) throw error;
      if (Date.now() - receivedAt > patienceMs) throw error;
      reason = error;
    }
    const wait = backoffMs(++failures);
    onLost?.(reason, wait);
    await (wake === undefined ? pause(wait, signal) : pauseOrWake(wait, wake, signal));
  }
}

async function pauseOrWake(
  ms: number,
  wake: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ended = new AbortController();
  const both = AbortSignal.any([ended.signal, ...(signal ? [signal] : [])]);
  await Promise.race([pause(ms, both), wake(both)]).finally(() => ended.abort());
  signal?.throwIfAborted();
}

/** Whether the server would answer another attempt in the same way. */
const isFinal = ({ status }: { status: number | undefined }): boolean =>
  status !== undefined && status < 500 && status !== 408 && status !== 429;
