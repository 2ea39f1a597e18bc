import { DrawingRecord, FilmRecord, type PackedFilm } from '../core/contracts/films.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import type { FolderStore } from './folder-store.ts';

const RECORD = 'film.json';
const FRAMES = 'frames';

const figurePath = (runId: string, file: string): string => `runs/${runId}/samples/${file}`;
const filmPath = (runId: string, label: number): string => `runs/${runId}/films/${label}`;
const encodedPath = (runId: string, file: string): string => `runs/${runId}/encoded/${file}`;
const drawingPath = (runId: string): string => `runs/${runId}/drawing.json`;

const toJson = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
const fromJson = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString('utf8'));

/** Stores a figure of a run under its file name. @throws disk_full */
export async function saveFigure(
  store: FolderStore,
  runId: string,
  file: string,
  bytes: Uint8Array,
): Promise<void> {
  await store.writeFile(figurePath(runId, file), bytes);
}

/** File names of a run's figures, sorted. */
export async function listFigures(store: FolderStore, runId: string): Promise<string[]> {
  return await store.list(`runs/${runId}/samples`);
}

/** @throws figure_not_found; validation_failed for an impossible file name */
export async function readFigure(store: FolderStore, runId: string, file: string): Promise<Uint8Array> {
  const bytes = await store.readFile(figurePath(runId, file));
  if (bytes === undefined) {
    throw new StylographError(
      'figure_not_found',
      `Run ${runId} has no figure ${file}; GET /runs/${runId}/figures lists its figures.`,
    );
  }
  return bytes;
}

/** Stores a label's film. @throws disk_full */
export async function saveFilm(
  store: FolderStore,
  runId: string,
  { record, frames }: PackedFilm,
): Promise<void> {
  await store.write(filmPath(runId, record.label), { [RECORD]: toJson(record), [FRAMES]: frames });
}

/** Films of a run by label, without their frames. */
export async function listFilms(store: FolderStore, runId: string): Promise<FilmRecord[]> {
  const names = (await store.list(`runs/${runId}/films`)).filter((name) => /^\d+$/.test(name));
  const records = await Promise.all(names.map((name) => readRecord(store, runId, Number(name))));
  return records.filter((record) => record !== undefined).sort((a, b) => a.label - b.label);
}

/** Undefined if the label has no film. @throws checkpoint_corrupt */
export async function readFilm(
  store: FolderStore,
  runId: string,
  label: number,
): Promise<PackedFilm | undefined> {
  const record = await readRecord(store, runId, label);
  return record && { record, frames: await store.read(filmPath(runId, label), FRAMES) };
}

async function readRecord(store: FolderStore, runId: string, label: number): Promise<FilmRecord | undefined> {
  try {
    return FilmRecord.parse(fromJson(await store.read(filmPath(runId, label), RECORD)));
  } catch (error) {
    if (errorCodeOf(error) === 'checkpoint_missing') return undefined;
    throw error;
  }
}

/** An encoded film; undefined if it was not encoded yet. @param file names label and format */
export async function readEncoded(
  store: FolderStore,
  runId: string,
  file: string,
): Promise<Uint8Array | undefined> {
  return await store.readFile(encodedPath(runId, file));
}

/** @throws disk_full */
export async function saveEncoded(
  store: FolderStore,
  runId: string,
  file: string,
  bytes: Uint8Array,
): Promise<void> {
  await store.writeFile(encodedPath(runId, file), bytes);
}

/** Marks a run's figures and films as complete, and removes encoded films, which are of older frames. */
export async function saveDrawing(store: FolderStore, runId: string, drawing: DrawingRecord): Promise<void> {
  await store.remove(`runs/${runId}/encoded`);
  await store.writeFile(drawingPath(runId), toJson(drawing));
}

/** Undefined until a run's figures and films are complete. */
export async function readDrawing(store: FolderStore, runId: string): Promise<DrawingRecord | undefined> {
  const bytes = await store.readFile(drawingPath(runId));
  return bytes && DrawingRecord.parse(fromJson(bytes));
}

/** Removes a run's checkpoints, figures and films. Its published models stay. */
export async function removeRunFiles(store: FolderStore, runId: string): Promise<void> {
  await store.remove(`runs/${runId}`);
}
