import { type FollowOptions, followEvents } from '../events.ts';
import type { Call, Http } from '../http.ts';
import { type Picture, toPicture } from '../pictures.ts';
import type {
  AnswerOf,
  CallOptions,
  Checkpoint,
  Figure,
  Film,
  FilmFormat,
  Page,
  PageOptions,
  ResolvedRun,
  Run,
  RunEvent,
  RunRequest,
  StoredEvent,
} from '../types.ts';
import { everyItem, pageCall } from './pages.ts';

export interface CreateOptions extends CallOptions {
  /** Requests with the same key start one run; default: a random key per call. */
  idempotencyKey?: string | undefined;
}

export interface MetricsOptions extends CallOptions {
  names?: readonly string[] | undefined;
  /** First and last iteration, both included. */
  from?: number | undefined;
  to?: number | undefined;
  /** Most points per series; the first and the last are kept. */
  maxPoints?: number | undefined;
}

const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );

/** Training runs and their results. */
export class Runs {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Starts a run. It starts once even if the request is sent several times. */
  async create(request: RunRequest = {}, { idempotencyKey, ...options }: CreateOptions = {}): Promise<Run> {
    return await this.#http.json({
      ...options,
      method: 'POST',
      path: '/runs',
      body: request,
      headers: { 'idempotency-key': idempotencyKey ?? randomKey() },
      repeatable: true,
    });
  }

  /** What `create` would start, with an estimate of time and memory. */
  async dryRun(request: RunRequest = {}, options: CallOptions = {}): Promise<ResolvedRun> {
    const call: Call = { ...options, method: 'POST', path: '/runs', query: { dryRun: true }, body: request };
    return await this.#http.json({ ...call, repeatable: true });
  }

  async get(id: string, options: CallOptions = {}): Promise<Run> {
    return await this.#http.json({ ...options, path: pathOf(id) });
  }

  /** Newest first. */
  async list(options: PageOptions = {}): Promise<Page<Run>> {
    return await this.#http.json(pageCall('/runs', options));
  }

  async cancel(id: string, options: CallOptions = {}): Promise<Run> {
    return await this.#request(id, 'cancel', options);
  }

  /** Pauses a run after its next checkpoint; a `state` event reports it. */
  async pause(id: string, options: CallOptions = {}): Promise<Run> {
    return await this.#request(id, 'pause', options);
  }

  async resume(id: string, options: CallOptions = {}): Promise<Run> {
    return await this.#request(id, 'resume', options);
  }

  async #request(id: string, kind: 'cancel' | 'pause' | 'resume', options: CallOptions): Promise<Run> {
    return await this.#http.json({ ...options, method: 'POST', path: `${pathOf(id)}/${kind}` });
  }

  /** Deletes a finished run, its events, checkpoints and figures. Its model stays. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#http.send({ ...options, method: 'DELETE', path: pathOf(id) });
  }

  /** Follows a run to its end across lost connections and restarts of the server. See {@link followEvents}. */
  follow(id: string, options: FollowOptions = {}): AsyncGenerator<RunEvent, void> {
    return followEvents(this.#http, id, options);
  }

  /** One page of a run's stored events; `after` is an event's id. */
  async events(
    id: string,
    {
      after,
      limit,
      ...options
    }: CallOptions & { after?: string | undefined; limit?: number | undefined } = {},
  ): Promise<Page<StoredEvent>> {
    return await this.#http.json({ ...options, path: `${pathOf(id)}/events`, query: { after, limit } });
  }

  async metrics(
    id: string,
    { names, from, to, maxPoints, ...options }: MetricsOptions = {},
  ): Promise<AnswerOf<'getRunMetrics'>> {
    const query = { names: names?.join(','), from, to, maxPoints };
    return await this.#http.json({ ...options, path: `${pathOf(id)}/metrics`, query });
  }

  async checkpoints(id: string, options: PageOptions = {}): Promise<Page<Checkpoint>> {
    return await this.#http.json(pageCall(`${pathOf(id)}/checkpoints`, options));
  }

  async figures(id: string, options: PageOptions = {}): Promise<Page<Figure>> {
    return await this.#http.json(pageCall(`${pathOf(id)}/figures`, options));
  }

  /** Every figure of a run, read page by page. */
  allFigures(id: string, options: CallOptions = {}): AsyncGenerator<Figure, void> {
    return everyItem((cursor) => this.figures(id, { ...options, cursor, limit: 200 }));
  }

  /** One figure by its file name. */
  async figure(id: string, file: string, options: CallOptions = {}): Promise<Picture> {
    const path = `${pathOf(id)}/figures/${encodeURIComponent(file)}`;
    return await toPicture(await this.#http.send({ ...options, path }));
  }

  /** Films of each label's manifold during training. */
  async films(id: string, options: PageOptions = {}): Promise<Page<Film>> {
    return await this.#http.json(pageCall(`${pathOf(id)}/films`, options));
  }

  /** The film of a label, which the server encodes on the first request. @param label its index */
  async film(id: string, label: number, format: FilmFormat, options: CallOptions = {}): Promise<Picture> {
    const path = `${pathOf(id)}/films/${label}.${format}`;
    return await toPicture(await this.#http.send({ ...options, path }));
  }

  /** The report of a run: one self-contained HTML page. */
  async report(id: string, options: CallOptions = {}): Promise<string> {
    const response = await this.#http.send({ ...options, path: `${pathOf(id)}/report`, accept: 'text/html' });
    return await response.text();
  }
}

const pathOf = (id: string): string => `/runs/${encodeURIComponent(id)}`;
