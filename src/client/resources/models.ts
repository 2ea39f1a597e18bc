import type { Http } from '../http.ts';
import type { CallOptions, Model, Page, PageOptions } from '../types.ts';
import { pageCall } from './pages.ts';

/** Models that runs have published, and the aliases that point at them. */
export class Models {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Newest first. */
  async list(options: PageOptions = {}): Promise<Page<Model>> {
    return await this.#http.json(pageCall('/models', options));
  }

  /** By id or alias. */
  async get(reference: string, options: CallOptions = {}): Promise<Model> {
    return await this.#http.json({ ...options, path: pathOf(reference) });
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#http.send({ ...options, method: 'DELETE', path: pathOf(id) });
  }

  /** Points an alias at a model, wherever it pointed before. */
  async setAlias(alias: string, modelId: string, options: CallOptions = {}): Promise<Model> {
    return await this.#http.json({ ...options, method: 'PUT', path: aliasPath(alias), body: { modelId } });
  }

  /** Removes an alias; its model stays. */
  async deleteAlias(alias: string, options: CallOptions = {}): Promise<void> {
    await this.#http.send({ ...options, method: 'DELETE', path: aliasPath(alias) });
  }
}

const pathOf = (reference: string): string => `/models/${encodeURIComponent(reference)}`;
const aliasPath = (alias: string): string => `/models/aliases/${encodeURIComponent(alias)}`;
