import { connectionProblem, problemOf, type StylographProblem } from './errors.ts';
import { isProblem, pause, retryPause } from './retry.ts';
import type { CallOptions } from './types.ts';

export interface ClientOptions {
  /** Of the server, such as `http://127.0.0.1:8080`. */
  url: string;
  apiKey?: string | undefined;
  /** In place of the global `fetch`. */
  fetch?: typeof fetch | undefined;
  /** How often a call that may pass is tried again; default 4. */
  retries?: number | undefined;
  /** Milliseconds for one attempt; default 60,000. */
  timeoutMs?: number | undefined;
  /** Told before each wait. */
  onRetry?: ((problem: StylographProblem, pauseMs: number) => void) | undefined;
}

export interface Call extends CallOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: object | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as they are, under the media type that `headers` names. */
  bytes?: Blob | Uint8Array<ArrayBuffer> | undefined;
  /** Sent as multipart/form-data. */
  form?: FormData | undefined;
  accept?: string;
  headers?: Record<string, string>;
  /** Doing it twice is the same as doing it once. */
  repeatable?: boolean;
  /** The answer goes on for as long as it likes: no time limit. */
  endless?: boolean;
}

/** Makes calls: addresses, keys, problems and attempts. */
export class Http {
  readonly url: string;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.#options = options;
  }

  /** An answer of status 2xx. @throws StylographProblem, or the signal's reason */
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

  /** The JSON of an answer. */
  async json<T>(call: Call): Promise<T> {
    const response = await this.send({ accept: 'application/json', ...call });
    return (await response.json()) as T;
  }

  async #attempt(call: Call): Promise<Response> {
    const { method = 'GET', body, bytes, form, signal } = call;
    const url = this.#address(call);
    const { apiKey, fetch: own = fetch, timeoutMs: usual = 60_000 } = this.#options;
    const timeoutMs = call.timeoutMs ?? usual;
    const signals = [...(signal ? [signal] : []), ...(call.endless ? [] : [AbortSignal.timeout(timeoutMs)])];
    let response: Response;
    try {
      response = await own(url, {
        method,
        headers: {
          accept: call.accept ?? '*/*',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
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

  #address({ path, query = {} }: Call): string {
    const entries = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(entries.map(([name, value]) => [name, String(value)]));
    return `${this.url}${path}${search.size > 0 ? `?${search}` : ''}`;
  }
}
