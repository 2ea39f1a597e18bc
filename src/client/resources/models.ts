import type { Http } from '../http.ts';
import type { CallOptions, Model, Page, PageOptions, Promotion } from '../types.ts';
import { pageCall } from './pages.ts';

/** Published models and the aliases that point at them. */
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

  /** Creates an alias for a model, or moves it to the model. */
  async setAlias(alias: string, modelId: string, options: CallOptions = {}): Promise<Model> {
    return await this.#http.json({ ...options, method: 'PUT', path: aliasPath(alias), body: { modelId } });
  }

  /**
   * Moves `champion`, or another alias, to a model if its evaluation beats that of the alias's present model.
   * @throws StylographProblem `promotion_refused`, whose `errors` list the metrics with both values
   */
  async promote(
    reference: string,
    { alias, force, ...options }: CallOptions & { alias?: string; force?: boolean } = {},
  ): Promise<Promotion> {
    const body = { ...(alias !== undefined && { alias }), ...(force !== undefined && { force }) };
    return await this.#http.json({ ...options, method: 'POST', path: `${pathOf(reference)}/promote`, body });
  }

  /** Moves an alias back to its previous model; repeated calls go further back. */
  async rollBack(alias: string, options: CallOptions = {}): Promise<Model> {
    return await this.#http.json({ ...options, method: 'POST', path: `${aliasPath(alias)}/rollback` });
  }

  /** A model as one archive, which another server can import and plain TensorFlow.js can load. */
  async download(
    reference: string,
    options: CallOptions = {},
  ): Promise<{ modelId: string; bytes: Uint8Array<ArrayBuffer> }> {
    const response = await this.#http.send({ ...options, path: `${pathOf(reference)}/download` });
    return {
      modelId: response.headers.get('x-model-id')!,
      bytes: new Uint8Array(await response.arrayBuffer()),
    };
  }

  /** Imports a model from an archive; importing it again changes nothing. */
  async import(archive: Blob | Uint8Array<ArrayBuffer>, options: CallOptions = {}): Promise<Model> {
    const headers = { 'content-type': 'application/zip' };
    const call = { ...options, method: 'POST', path: '/models', bytes: archive, headers } as const;
    return await this.#http.json({ ...call, repeatable: true });
  }

  /** Removes an alias; its model stays. */
  async deleteAlias(alias: string, options: CallOptions = {}): Promise<void> {
    await this.#http.send({ ...options, method: 'DELETE', path: aliasPath(alias) });
  }
}

const pathOf = (reference: string): string => `/models/${encodeURIComponent(reference)}`;
const aliasPath = (alias: string): string => `/models/aliases/${encodeURIComponent(alias)}`;
