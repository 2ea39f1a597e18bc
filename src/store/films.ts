import { DrawingRecord, FilmRecord, type PackedFilm } from '../core/contracts/films.ts';
import { errorCodeOf } from '../core/errors.ts';
import type { FolderStore } from './store.ts';

const RECORD = 'film.json';
const FRAMES = 'frames';

const folderOf = (runId: string): string => `runs/${runId}/films`;
const encodedOf = (runId: string, file: string): string => `runs/${runId}/encoded/${file}`;
const drawingOf = (runId: string): string => `runs/${runId}/drawing.json`;

const toJson = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
const fromJson = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString('utf8'));

/** Stores a label's film; the same label again replaces it. @throws disk_full */
export async function saveFilm(
  store: FolderStore,
  runId: string,
  { record, frames }: PackedFilm,
): Promise<void> {
  await store.write(`${folderOf(runId)}/${record.label}`, { [RECORD]: toJson(record), [FRAMES]: frames });
}

/** Films of a run by label, without their frames. */
export async function listFilms(store: FolderStore, runId: string): Promise<FilmRecord[]> {
  const names = (await store.list(folderOf(runId))).filter((name) => /^\d+$/.test(name));
  const records = await Promise.all(names.map((name) => readRecord(store, runId, Number(name))));
  return records.filter((record) => record !== undefined).sort((a, b) => a.label - b.label);
}

/** Undefined when there is none. @throws checkpoint_corrupt */
export async function readFilm(
  store: FolderStore,
  runId: string,
  label: number,
): Promise<PackedFilm | undefined> {
  const record = await readRecord(store, runId, label);
  return record && { record, frames: await store.read(`${folderOf(runId)}/${label}`, FRAMES) };
}

async function readRecord(store: FolderStore, runId: string, label: number): Promise<FilmRecord | undefined> {
  try {
    return FilmRecord.parse(fromJson(await store.read(`${folderOf(runId)}/${label}`, RECORD)));
  } catch (error) {
    if (errorCodeOf(error) === 'checkpoint_missing') return undefined;
    throw error;
  }
}

/** A film as encoded before, under a name that tells label and format; undefined when it was not. */
export async function readEncoded(
  store: FolderStore,
  runId: string,
  file: string,
): Promise<Uint8Array | undefined> {
  return await store.readFile(encodedOf(runId, file));
}

/** @throws disk_full */
export async function saveEncoded(
  store: FolderStore,
  runId: string,
  file: string,
  bytes: Uint8Array,
): Promise<void> {
  await store.writeFile(encodedOf(runId, file), bytes);
}

/** Notes that a run's figures and films are all there; films that were encoded before are of older frames. */
export async function saveDrawing(store: FolderStore, runId: string, drawing: DrawingRecord): Promise<void> {
  await store.remove(`runs/${runId}/encoded`);
  await store.writeFile(drawingOf(runId), toJson(drawing));
}

/** Undefined until a run's figures and films are all there. */
export async function readDrawing(store: FolderStore, runId: string): Promise<DrawingRecord | undefined> {
  const bytes = await store.readFile(drawingOf(runId));
  return bytes && DrawingRecord.parse(fromJson(bytes));
}
