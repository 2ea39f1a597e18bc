import type { Http } from '../http.ts';
import { type Picture, toPicture } from '../pictures.ts';
import type { CallOptions, Dataset, Page, PageOptions } from '../types.ts';
import { pageCall } from './pages.ts';

/** Labelled images that runs can use. */
export class Datasets {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async list(options: PageOptions = {}): Promise<Page<Dataset>> {
    return await this.#http.json(pageCall('/datasets', options));
  }

  async get(id: string, options: CallOptions = {}): Promise<Dataset> {
    return await this.#http.json({ ...options, path: pathOf(id) });
  }

  /** Some images of each label, as a PNG. */
  async sheet(id: string, options: CallOptions = {}): Promise<Picture> {
    return await toPicture(await this.#http.send({ ...options, path: `${pathOf(id)}/sheet.png` }));
  }
}

const pathOf = (id: string): string => `/datasets/${encodeURIComponent(id)}`;
