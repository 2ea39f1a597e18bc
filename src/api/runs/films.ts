import { FILM_TYPES, type Film, type FilmFormat, type FilmRecord } from '../../core/contracts/films.ts';
import { StylographError } from '../../core/errors.ts';
import type { EncodingTask } from '../../figures/encode-film.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import { listFilms, readEncoded, readFilm, saveEncoded } from '../../store/run-files.ts';
import type { ApiDeps } from '../deps.ts';

/** The size of an encoded film. */
type Look = EncodingTask['look'];

/** A film as the API lists it. */
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

/** Splits `{label}.{format}`. @throws film_not_found for another form */
export function parseFilmFile(runId: string, file: string): { label: string; format: FilmFormat } {
  const dot = file.lastIndexOf('.');
  const format = file.slice(dot + 1);
  if (dot > 0 && Object.hasOwn(FILM_TYPES, format)) {
    return { label: file.slice(0, dot), format: format as FilmFormat };
  }
  throw new StylographError(
    'film_not_found',
    `Run ${runId} has no film "${file}"; film names are {label}.mp4, {label}.webp and {label}.gif.`,
  );
}

/** Films in the requested formats. Each is encoded once, one at a time, and stored. */
export class EncodedFilms {
  readonly #store: FolderStore;
  readonly #encodeFilm: ApiDeps['encodeFilm'];
  /** Encodings in progress, by run and file. */
  readonly #running = new Map<string, Promise<Uint8Array>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor({ store, encodeFilm }: Pick<ApiDeps, 'store' | 'encodeFilm'>) {
    this.#store = store;
    this.#encodeFilm = encodeFilm;
  }

  /** @param label its name or its index @throws film_not_found */
  async find(runId: string, label: string): Promise<FilmRecord> {
    const films = await listFilms(this.#store, runId);
    const film = films.find(({ name }) => name === label) ?? films.find((one) => String(one.label) === label);
    if (film) return film;
    const detail =
      films.length === 0
        ? `Run ${runId} has no films yet. They are made after training, unless config.figures.frames is 0.`
        : `Run ${runId} has no film of label "${label}"; GET /runs/${runId}/films lists its films.`;
    throw new StylographError('film_not_found', detail);
  }

  /** The bytes of a film that `find` returned. @throws film_not_found, child_died if encoding fails */
  async bytes(runId: string, label: number, format: FilmFormat, look: Look = 'full'): Promise<Uint8Array> {
    const file = `${label}-${look}.${format}`;
    const stored = await readEncoded(this.#store, runId, file);
    if (stored) return stored;
    const key = `${runId}/${file}`;
    const running = this.#running.get(key);
    if (running) return await running;
    const encoding = this.#afterLast(() => this.#encode(runId, label, format, look, file));
    this.#running.set(key, encoding);
    try {
      return await encoding;
    } finally {
      this.#running.delete(key);
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
      throw new StylographError('film_not_found', `The film of run ${runId} was deleted in the meantime.`);
    }
    const bytes = await this.#encodeFilm({ film, format, look });
    await saveEncoded(this.#store, runId, file, bytes);
    return bytes;
  }

  /** Runs the action when all earlier ones have ended, whether they succeeded or failed. */
  async #afterLast<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action, action);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }
}
