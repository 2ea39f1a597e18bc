import { connectionProblem, problemOf, type StylographProblem } from './errors.ts';
import { isProblem, pause, retryPause } from './retry.ts';
import type { CallOptions } from './types.ts';

export interface ClientOptions {
  /** Address of the server, such as `http://127.0.0.1:8080`. */
  url: string;
  /** A function is called before every request, so the key may change. */
  apiKey?: string | (() => string | undefined) | undefined;
  /** Replaces the global `fetch`. */
  fetch?: typeof fetch | undefined;
  /** How often a call is retried after a failure that may be temporary; default 4. */
  retries?: number | undefined;
  /** Milliseconds for one attempt; default 60,000. */
  timeoutMs?: number | undefined;
  /** Called before each pause between attempts. */
  onRetry?: ((problem: StylographProblem, pauseMs: number) => void) | undefined;
}

export interface Call extends CallOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: object | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent unchanged, with the media type in `headers`. */
  bytes?: Blob | Uint8Array<ArrayBuffer> | undefined;
  /** Sent as multipart/form-data. */
  form?: FormData | undefined;
  accept?: string;
  headers?: Record<string, string>;
  /** Idempotent, so the call may be sent twice. */
  repeatable?: boolean;
  /** A stream without an end: no time limit. */
  endless?: boolean;
}

/** Sends calls to one server: adds the key, retries, and turns error answers into problems. */
export class Http {
  readonly url: string;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.#options = options;
  }

  /** Returns a response of status 2xx. @throws StylographProblem, or the signal's reason */
  async send(call: Call): Promise<Response> {
    const retries = call.retries ?? this.#options.retries ?? 4;
    const repeatable = call.repeatable ?? call.method !== 'POST';
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(call);
      } catch (error) {
        if (!isProblem(error)) throw error;
        const wait = retryPause(error, attempt, { retries, repeatable });
        if (wait === undefined) throw error;
        this.#options.onRetry?.(error, wait);
        await pause(wait, call.signal);
      }
    }
  }

  /** Returns the JSON body of a response. */
  async json<T>(call: Call): Promise<T> {
    const response = await this.send({ accept: 'application/json', ...call });
    return (await response.json()) as T;
  }

  async #attempt(call: Call): Promise<Response> {
    const { method = 'GET', body, bytes, form, signal } = call;
    const url = this.#address(call);
    const { fetch: send = fetch, timeoutMs: usual = 60_000 } = this.#options;
    const timeoutMs = call.timeoutMs ?? usual;
    const signals = [...(signal ? [signal] : []), ...(call.endless ? [] : [AbortSignal.timeout(timeoutMs)])];
    let response: Response;
    try {
      response = await send(url, {
        method,
        headers: {
          accept: call.accept ?? '*/*',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...this.#authorization(),
          ...call.headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(bytes === undefined ? {} : { body: bytes }),
        ...(form === undefined ? {} : { body: form }),
        signal: AbortSignal.any(signals),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw connectionProblem(error, this.url, timeoutMs);
    }
    if (!response.ok) throw await problemOf(response, this.url);
    return response;
  }

  #authorization(): Record<string, string> {
    const { apiKey } = this.#options;
    const key = typeof apiKey === 'function' ? apiKey() : apiKey;
    return key === undefined ? {} : { authorization: `Bearer ${key}` };
  }

  #address({ path, query = {} }: Call): string {
    const entries = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(entries.map(([name, value]) => [name, String(value)]));
    return `${this.url}${path}${search.size > 0 ? `?${search}` : ''}`;
  }
}
