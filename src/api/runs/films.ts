import { FILM_TYPES, type Film, type FilmFormat, type FilmRecord } from '../../core/contracts/films.ts';
import { StylographError } from '../../core/errors.ts';
import type { EncodingTask } from '../../figures/encode-film.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import { listFilms, readEncoded, readFilm, saveEncoded } from '../../store/run-files.ts';
import type { ApiDeps } from '../deps.ts';

type Look = EncodingTask['look'];

/** How a run's film is listed. */
export function describeFilm(runId: string, { label, name, iterations }: FilmRecord): Film {
  const href = (format: FilmFormat): string => `/runs/${runId}/films/${label}.${format}`;
  return {
    label,
    name,
    frames: iterations.length,
    iterations,
    href: { mp4: href('mp4'), webp: href('webp'), gif: href('gif') },
  };
}

/** What `{label}.{format}` asks for. @throws film_not_found for another name */
export function parseFilmFile(runId: string, file: string): { label: string; format: FilmFormat } {
  const dot = file.lastIndexOf('.');
  const format = file.slice(dot + 1);
  if (dot > 0 && Object.hasOwn(FILM_TYPES, format)) {
    return { label: file.slice(0, dot), format: format as FilmFormat };
  }
  throw new StylographError(
    'film_not_found',
    `Run ${runId} has no film "${file}"; films are {label}.mp4, {label}.webp or {label}.gif.`,
  );
}

/** Films in the formats that are asked for: encoded once, one at a time, and kept. */
export class FilmCabinet {
  readonly #store: FolderStore;
  readonly #encodeFilm: ApiDeps['encodeFilm'];
  /** Encodings that have begun, by run and file. */
  readonly #begun = new Map<string, Promise<Uint8Array>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor({ store, encodeFilm }: Pick<ApiDeps, 'store' | 'encodeFilm'>) {
    this.#store = store;
    this.#encodeFilm = encodeFilm;
  }

  /** @param label its name or its index @throws film_not_found naming the remedy */
  async find(runId: string, label: string): Promise<FilmRecord> {
    const films = await listFilms(this.#store, runId);
    const film = films.find(({ name }) => name === label) ?? films.find((one) => String(one.label) === label);
    if (film) return film;
    const detail =
      films.length === 0
        ? `Run ${runId} has no films yet: they are drawn when training is over, unless config.figures.frames is 0.`
        : `Run ${runId} has no film of label "${label}"; GET /runs/${runId}/films lists those it has.`;
    throw new StylographError('film_not_found', detail);
  }

  /** The bytes of a film that `find` gave. @throws child_died when they cannot be encoded */
  async bytes(runId: string, label: number, format: FilmFormat, look: Look = 'full'): Promise<Uint8Array> {
    const file = `${label}-${look}.${format}`;
    const known = await readEncoded(this.#store, runId, file);
    if (known) return known;
    const key = `${runId}/${file}`;
    const begun = this.#begun.get(key);
    if (begun) return await begun;
    const encoding = this.#inTurn(() => this.#encode(runId, label, format, look, file));
    this.#begun.set(key, encoding);
    try {
      return await encoding;
    } finally {
      this.#begun.delete(key);
    }
  }

  async #encode(
    runId: string,
    label: number,
    format: FilmFormat,
    look: Look,
    file: string,
  ): Promise<Uint8Array> {
    const film = await readFilm(this.#store, runId, label);
    if (film === undefined) {
      throw new StylographError('film_not_found', `The film of run ${runId} was removed meanwhile.`);
    }
    const bytes = await this.#encodeFilm({ film, format, look });
    await saveEncoded(this.#store, runId, file, bytes);
    return bytes;
  }

  /** After whatever was asked before has ended, well or not. */
  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action, action);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }
}
