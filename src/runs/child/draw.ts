import { cpus, totalmem } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dataset } from '../../core/contracts/dataset.ts';
import { type FigureSheet, figureFile } from '../../core/contracts/figures.ts';
import type { DrawingRecord } from '../../core/contracts/films.ts';
import type { ImageSpec, ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
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
import type { Drawings } from '../../training/drawing/figure-sheets.ts';
import type { RunLedger } from './ledger.ts';
import type { Recorder } from './recorder.ts';
import type { TrainingEngine } from './train.ts';

export interface DrawDependencies {
  store: FolderStore;
  engine: Pick<TrainingEngine, 'openDrawings' | 'device' | 'software'>;
  drawFigures(sheet: FigureSheet, spec: ImageSpec): Promise<DrawnFigure[]>;
  metrics: RunLedger['metrics'];
  recorder: Pick<Recorder, 'log' | 'warn' | 'progress'>;
}

export interface DrawOptions {
  /** The fields that the model will be published with. */
  record: Pick<ModelRecord, 'runId' | 'iteration' | 'image' | 'config' | 'digest'>;
  served: NamedWeights[];
  dataset: Dataset;
  seed: number;
  signal: AbortSignal;
}

/**
 * Draws and stores the figures and films of a trained run, once per weights. It stops between two pictures when `signal`
 * is aborted; a resumed run draws all of them again. If drawing fails, the run logs a warning and continues, except after
 * errors that stop every run.
 * @throws disk_full, store_unavailable, fence_lost, redis_unavailable
 */
export async function drawRun(deps: DrawDependencies, options: DrawOptions): Promise<void> {
  const { record, signal } = options;
  const drawn = await readDrawing(deps.store, record.runId);
  // The process that drew it may have died before it finished the rest.
  if (drawn?.digest === record.digest) return await finish(deps, drawn, record.runId);
  const startedAt = performance.now();
  await deps.recorder.progress({ phase: 'drawing', secondsRemaining: null });
  let drawings: Drawings | undefined;
  try {
    drawings = await deps.engine.openDrawings(options);
    const figures = await drawAllFigures(deps, options, drawings);
    const films = await drawFilms(deps, options, drawings);
    if (signal.aborted) return;
    const seconds = (performance.now() - startedAt) / 1000;
    const { runId, digest, iteration } = record;
    const environment = environmentOf(deps.engine);
    const drawing = { digest, iteration, seconds, figures, films, environment };
    await saveDrawing(deps.store, runId, drawing);
    await finish(deps, drawing, runId);
  } catch (error) {
    if (stopsRun(error)) throw error;
    await deps.recorder.warn(`Not all figures and films could be drawn: ${(error as Error).message}`);
  } finally {
    drawings?.dispose();
  }
}

/** Idempotent. */
async function finish(
  { store, recorder }: DrawDependencies,
  { figures, films, seconds }: DrawingRecord,
  runId: string,
): Promise<void> {
  await removeSnapshots(store, runId);
  await recorder.log(`Drew ${figures} figures and ${films} films in ${seconds.toFixed(1)} s.`);
}

/** @returns the number of figures, each counted once for all its sizes and formats */
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

/** @returns the number of films */
async function drawFilms(
  { store, recorder }: DrawDependencies,
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
    await recorder.progress({ secondsRemaining: perFrame * (iterations.length - done - 1) });
    // A message to stop arrives between two turns of the event loop.
    await nextTurn();
  }
  for (const film of films) await saveFilm(store, runId, film.finish());
  return films.length;
}

function environmentOf({ device, software }: DrawDependencies['engine']): DrawingRecord['environment'] {
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
