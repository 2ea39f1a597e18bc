import { cpus, totalmem } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dataset } from '../../core/contracts/dataset.ts';
import { type FigureSheet, figureFile } from '../../core/contracts/figures.ts';
import type { DrawingRecord } from '../../core/contracts/films.ts';
import type { ImageSpec, ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import type { RunEventBody, RunProgress } from '../../core/contracts/run.ts';
import { stopsRun } from '../../core/errors.ts';
import type { DrawnFigure } from '../../figures/draw-sheets.ts';
import { FilmPacker } from '../../figures/packed-film.ts';
import type { FolderStore } from '../../store/index.ts';
import {
  listSnapshots,
  readDrawing,
  readSnapshot,
  removeSnapshots,
  saveDrawing,
  saveFigure,
  saveFilm,
} from '../../store/index.ts';
import type { DrawingOptions, Drawings } from '../../training/drawings.ts';
import type { Series } from '../redis/metrics.ts';

export interface DrawDependencies {
  store: FolderStore;
  openDrawings(options: DrawingOptions): Promise<Drawings>;
  drawFigures(sheet: FigureSheet, spec: ImageSpec): Promise<DrawnFigure[]>;
  /** All metrics the run has told. */
  metrics(runId: string): Promise<Series>;
  tell(body: RunEventBody): Promise<void>;
  report(change: Partial<RunProgress>): Promise<void>;
  device: string;
  software: Record<string, string>;
}

export interface DrawOptions {
  /** What the model will be published with. */
  record: Pick<ModelRecord, 'runId' | 'iteration' | 'image' | 'config' | 'digest'>;
  served: NamedWeights[];
  dataset: Dataset;
  seed: number;
  signal: AbortSignal;
}

/**
 * Draws figures and films of a trained run and stores them, once for the same weights. Stops between two of them when
 * told to; whoever goes on draws them anew. What goes wrong with a picture is told as a warning: with any error but those
 * that stop a run it is worth more without pictures than not at all.
 * @throws disk_full, store_unavailable, fence_lost, redis_unavailable
 */
export async function drawRun(deps: DrawDependencies, options: DrawOptions): Promise<void> {
  const { record, signal } = options;
  const drawn = await readDrawing(deps.store, record.runId);
  // Whoever drew it may have died before it could tell.
  if (drawn?.digest === record.digest) return await finish(deps, drawn, record.runId);
  const startedAt = performance.now();
  await deps.report({ phase: 'drawing', secondsRemaining: null });
  let drawings: Drawings | undefined;
  try {
    drawings = await deps.openDrawings(options);
    const figures = await drawAllFigures(deps, options, drawings);
    const films = await drawFilms(deps, options, drawings);
    if (signal.aborted) return;
    const seconds = (performance.now() - startedAt) / 1000;
    const { runId, digest, iteration } = record;
    const done = { digest, iteration, seconds, figures, films, environment: environmentOf(deps) };
    await saveDrawing(deps.store, runId, done);
    await finish(deps, done, runId);
  } catch (error) {
    if (stopsRun(error)) throw error;
    const message = `Figures and films could not all be drawn: ${(error as Error).message}`;
    await deps.tell({ type: 'log', data: { level: 'warn', message } });
  } finally {
    drawings?.dispose();
  }
}

/** What follows once everything is drawn; doing it twice is the same as doing it once. */
async function finish(
  { store, tell }: DrawDependencies,
  { figures, films, seconds }: DrawingRecord,
  runId: string,
): Promise<void> {
  await removeSnapshots(store, runId);
  const message = `Drew ${figures} figures and ${films} films in ${seconds.toFixed(1)} s.`;
  await tell({ type: 'log', data: { level: 'info', message } });
}

/** @returns how many pictures there are, sizes and formats not counted */
async function drawAllFigures(
  { store, drawFigures, metrics }: DrawDependencies,
  { record, signal }: DrawOptions,
  drawings: Drawings,
): Promise<number> {
  let count = 0;
  const draw = async (sheet: FigureSheet): Promise<void> => {
    for (const { bytes, ...name } of await drawFigures(sheet, record.image)) {
      await saveFigure(store, record.runId, figureFile(name), bytes);
    }
    count++;
  };
  await draw({ kind: 'losses', series: await metrics(record.runId) });
  for await (const sheet of drawings.sheets()) {
    if (signal.aborted) break;
    await draw(sheet);
    await nextTurn();
  }
  return count;
}

/** @returns how many films there are */
async function drawFilms(
  { store, report }: DrawDependencies,
  { record, signal }: DrawOptions,
  drawings: Drawings,
): Promise<number> {
  const { image, config, runId } = record;
  const iterations = await listSnapshots(store, runId);
  if (iterations.length === 0) return 0;
  const films = Array.from(
    { length: drawings.filmed },
    (_, label) => new FilmPacker(image, label, config.figures.grid),
  );
  const startedAt = performance.now();
  for (const [done, iteration] of iterations.entries()) {
    if (signal.aborted) return 0;
    const decoder = await readSnapshot(store, runId, iteration);
    if (decoder === undefined) continue;
    const images = drawings.frame(decoder);
    const size = images.length / films.length;
    await Promise.all(
      films.map((film, label) => film.add(iteration, images.subarray(label * size, (label + 1) * size))),
    );
    const perFrame = (performance.now() - startedAt) / 1000 / (done + 1);
    await report({ secondsRemaining: perFrame * (iterations.length - done - 1) });
    // A word to stop arrives between two turns of the event loop.
    await nextTurn();
  }
  for (const film of films) await saveFilm(store, runId, film.finish());
  return films.length;
}

function environmentOf({ device, software }: DrawDependencies): DrawingRecord['environment'] {
  const all = cpus();
  return {
    device,
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    software,
  };
}
