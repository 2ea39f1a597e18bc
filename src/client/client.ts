import { type ClientOptions, Http } from './http.ts';
import { type ImageSource, type Picture, toImageInput, toPicture } from './pictures.ts';
import { Datasets } from './resources/datasets.ts';
import { Models } from './resources/models.ts';
import { Runs } from './resources/runs.ts';
import type { AnswerOf, BodyOf, CallOptions, LabelReference, Page, Preset, QueryOf } from './types.ts';

/** The model to use: an id or alias; default `latest`. */
interface ModelChoice {
  model?: string | undefined;
}
type Look = Partial<Pick<QueryOf<'generate'>, 'invert' | 'scale'>>;

export type GenerateOptions = Omit<QueryOf<'generate'>, 'format'> & CallOptions;
export type ManifoldOptions = Omit<QueryOf<'manifold'>, 'format'> & CallOptions;
export type LatentsOptions = ModelChoice & CallOptions;

export interface ImagesOptions extends ModelChoice, CallOptions {
  /** One label per image; a null label is inferred, as are all labels when omitted. */
  labels?: (LabelReference | null)[] | undefined;
  /** `auto` converts any picture to the dataset's form; `none` only resizes. */
  normalize?: QueryOf<'encode'>['normalize'] | undefined;
}
export interface TransferOptions extends ImagesOptions {
  /** Target labels, one list for all images or one list per image; default all labels. */
  targets?: BodyOf<'styleTransfer'>['targets'] | undefined;
  /** Treats all images as samples of one style and makes one result from their mean latent. */
  average?: boolean | undefined;
}

const JSON_TYPE = 'application/json';
const PNG_TYPE = 'image/png';

function split<T extends CallOptions>(options: T): [CallOptions, Omit<T, keyof CallOptions>] {
  const { signal, timeoutMs, retries, ...rest } = options;
  return [{ signal, timeoutMs, retries }, rest];
}

/**
 * A client of one server, for Node and browsers. A method throws a StylographProblem when a call fails after all
 * retries, and the signal's reason when it is aborted.
 */
export class StylographClient {
  readonly runs: Runs;
  readonly models: Models;
  readonly datasets: Datasets;
  readonly url: string;
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
    this.url = this.#http.url;
    this.runs = new Runs(this.#http);
    this.models = new Models(this.#http);
    this.datasets = new Datasets(this.#http);
  }

  async presets(options: CallOptions = {}): Promise<Page<Preset>> {
    return await this.#http.json({ ...options, path: '/presets' });
  }

  /** The bytes at an address that an answer names, such as `href` of a film or a figure. */
  async download(href: string, options: CallOptions = {}): Promise<Picture> {
    return await toPicture(await this.#http.send({ ...options, path: href }));
  }

  /** Sets the cookie with which a browser opens the queues' page, since a page cannot send the key. */
  async openQueues(options: CallOptions = {}): Promise<void> {
    await this.#http.send({ ...options, method: 'POST', path: '/queues/session' });
  }

  /** Deletes the cookie that `openQueues` set. */
  async closeQueues(options: CallOptions = {}): Promise<void> {
    await this.#http.send({ ...options, method: 'DELETE', path: '/queues/session' });
  }

  /** Images of a label from z ~ N(0, I); the same seed, label and model give the same bytes. */
  async generate(options: GenerateOptions): Promise<AnswerOf<'generate'>> {
    const [call, query] = split(options);
    return await this.#http.json({ ...call, path: '/generate', query });
  }

  /** Images of several labels and seeds in one call. */
  async generateMany(
    items: BodyOf<'generateMany'>['items'],
    options: LatentsOptions = {},
  ): Promise<AnswerOf<'generateMany'>> {
    return await (await this.#infer('/generate', { items }, options, JSON_TYPE)).json();
  }

  /** One image, or a sheet of several. */
  async generatePng(options: GenerateOptions): Promise<Picture> {
    const [call, query] = split(options);
    return await toPicture(await this.#http.send({ ...call, path: '/generate', query, accept: PNG_TYPE }));
  }

  /** The first two latent dimensions of a label as a grid of images. */
  async manifold(options: ManifoldOptions): Promise<AnswerOf<'manifold'>> {
    const [call, query] = split(options);
    return await this.#http.json({ ...call, path: '/manifold', query });
  }

  /** The grid as one PNG sheet. */
  async manifoldPng(options: ManifoldOptions): Promise<Picture> {
    const [call, query] = split(options);
    return await toPicture(await this.#http.send({ ...call, path: '/manifold', query, accept: PNG_TYPE }));
  }

  async decode(
    latents: BodyOf<'decode'>['latents'],
    options: LatentsOptions = {},
  ): Promise<AnswerOf<'decode'>> {
    return await (await this.#infer('/decode', { latents }, options, JSON_TYPE)).json();
  }

  async decodePng(
    latents: BodyOf<'decode'>['latents'],
    options: LatentsOptions & Look = {},
  ): Promise<Picture> {
    return await toPicture(await this.#infer('/decode', { latents }, options, PNG_TYPE));
  }

  async interpolate(
    body: BodyOf<'interpolate'>,
    options: LatentsOptions = {},
  ): Promise<AnswerOf<'interpolate'>> {
    return await (await this.#infer('/interpolate', body, options, JSON_TYPE)).json();
  }

  async interpolatePng(body: BodyOf<'interpolate'>, options: LatentsOptions & Look = {}): Promise<Picture> {
    return await toPicture(await this.#infer('/interpolate', body, options, PNG_TYPE));
  }

  /** The latent of each image, which describes its style. */
  async encode(images: readonly ImageSource[], options: ImagesOptions = {}): Promise<AnswerOf<'encode'>> {
    return await (await this.#inferFrom('/encode', images, options, JSON_TYPE)).json();
  }

  /** Each image encoded and decoded again. */
  async reconstruct(
    images: readonly ImageSource[],
    options: ImagesOptions = {},
  ): Promise<AnswerOf<'reconstruct'>> {
    return await (await this.#inferFrom('/reconstruct', images, options, JSON_TYPE)).json();
  }

  /** A PNG sheet with each reconstruction below its original. */
  async reconstructPng(images: readonly ImageSource[], options: ImagesOptions & Look = {}): Promise<Picture> {
    return await toPicture(await this.#inferFrom('/reconstruct', images, options, PNG_TYPE));
  }

  /** Other labels in the style of each image, or with `average` in their common style. */
  async styleTransfer(
    images: readonly ImageSource[],
    options: TransferOptions = {},
  ): Promise<AnswerOf<'styleTransfer'>> {
    return await (await this.#inferFrom('/style-transfer', images, options, JSON_TYPE)).json();
  }

  /** A PNG sheet: a row per image, a column per target label. */
  async styleTransferPng(
    images: readonly ImageSource[],
    options: TransferOptions & Look = {},
  ): Promise<Picture> {
    return await toPicture(await this.#inferFrom('/style-transfer', images, options, PNG_TYPE));
  }

  async #inferFrom(
    path: string,
    images: readonly ImageSource[],
    { labels, targets, average, ...options }: TransferOptions & Look,
    accept: string,
  ): Promise<Response> {
    const inputs = await Promise.all(images.map(toImageInput));
    return await this.#infer(path, { images: inputs, labels, targets, average }, options, accept);
  }

  /** Inference changes nothing on the server, so a call is repeatable. */
  async #infer(path: string, body: object, options: CallOptions, accept: string): Promise<Response> {
    const [call, query] = split(options);
    return await this.#http.send({ ...call, method: 'POST', path, query, body, accept, repeatable: true });
  }
}
