import type { Http } from '../http.ts';
import { type Picture, toPicture } from '../pictures.ts';
import type { CallOptions, Dataset, DatasetUpload, Page, PageOptions } from '../types.ts';
import { pageCall } from './pages.ts';

/** Time to send and check many images. */
const UPLOAD_MS = 900_000;

/** Datasets: labelled images to train on. */
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

  /**
   * Uploads labelled images: a zip file with a folder per label, an NPZ file, or IDX files of images and labels.
   * Repeating an upload changes nothing.
   * @throws StylographProblem `invalid_dataset`, whose `errors` name the rejected files
   */
  async add(upload: DatasetUpload, options: CallOptions = {}): Promise<Dataset> {
    const { name, files, size, channels, polarity, labels } = upload;
    const form = new FormData();
    const given = { name, size, channels, polarity, labels: labels && JSON.stringify(labels) };
    for (const [field, value] of Object.entries(given))
      if (value !== undefined) form.set(field, String(value));
    for (const file of files) form.append('file', file.bytes, file.name);
    const call = { timeoutMs: UPLOAD_MS, ...options, method: 'POST', path: '/datasets', form } as const;
    return await this.#http.json({ ...call, repeatable: true });
  }

  /** Deletes an uploaded dataset that no run uses. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#http.send({ ...options, method: 'DELETE', path: pathOf(id) });
  }

  /** Some images of each label, as a PNG. */
  async sheet(id: string, options: CallOptions = {}): Promise<Picture> {
    return await toPicture(await this.#http.send({ ...options, path: `${pathOf(id)}/sheet.png` }));
  }
}

const pathOf = (id: string): string => `/datasets/${encodeURIComponent(id)}`;
