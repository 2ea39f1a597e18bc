import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { newRunId } from '../../../src/core/contracts/common.ts';
import type { Dataset } from '../../../src/core/contracts/dataset.ts';
import type { FigureSheet } from '../../../src/core/contracts/figures.ts';
import { resolveConfig } from '../../../src/core/contracts/presets.ts';
import { StylographError } from '../../../src/core/errors.ts';
import { drawFigureSheet } from '../../../src/figures/draw-sheets.ts';
import { type DrawDependencies, drawRun } from '../../../src/runs/child/draw.ts';
import {
  listFigures,
  listSnapshots,
  openFolderStore,
  readDrawing,
  saveSnapshot,
} from '../../../src/store/index.ts';
import { listFilms, readFilm } from '../../../src/store/run-files.ts';
import { someWeights, temporaryFolder } from '../../store/small-models.ts';
import { withCode } from '../support.ts';

const ITERATIONS = [0, 1, 2, 4];
const image = { width: 4, height: 4, channels: 1 as const, labels: ['zero', 'one'] };
const config = resolveConfig('quick', { iterations: 4, figures: { grid: 2 } });

/** A finished run with four snapshots. The pixels of a frame equal the snapshot's first weight. */
async function finishedRun(t: TestContext, change: Partial<DrawDependencies> = {}) {
  const store = await openFolderStore(await temporaryFolder(t));
  const runId = newRunId();
  for (const iteration of ITERATIONS) await saveSnapshot(store, runId, iteration, someWeights(iteration));
  const logs: { level: string; message: string }[] = [];
  const phases = new Set<string | undefined>();
  let opened = 0;
  let framed = 0;
  const stop = new AbortController();
  const deps: DrawDependencies = {
    store,
    drawFigures: drawFigureSheet,
    metrics: async () => ({ ganLoss: [[1, 0.5]] }),
    engine: {
      device: 'cpu',
      software: { fake: '1' },
      openDrawings: async () => {
        opened++;
        return {
          filmed: 2,
          async *sheets(): AsyncGenerator<FigureSheet> {
            yield { kind: 'labels', pixels: new Uint8Array(4 * 16), count: 4 };
          },
          frame(decoder) {
            if (++framed === 2) stop.abort('pause');
            return new Uint8Array(2 * 4 * 16).fill(decoder[0]!.values[0]!);
          },
          dispose: () => undefined,
        };
      },
    },
    recorder: {
      log: async (message) => void logs.push({ level: 'info', message }),
      warn: async (message) => void logs.push({ level: 'warn', message }),
      progress: async ({ phase }) => void phases.add(phase),
    },
    ...change,
  };
  const record = { runId, iteration: 4, image, config, digest: 'ab'.repeat(32) };
  const draw = (signal: AbortSignal) =>
    drawRun(deps, { record, served: someWeights(), dataset: {} as Dataset, seed: 1, signal });
  return { store, runId, draw, logs, phases, stop, opened: () => opened };
}

const notAborted = new AbortController().signal;

test('figures and films are drawn once and logged, and the snapshots are removed', async (t) => {
  const { store, runId, draw, logs, phases, opened } = await finishedRun(t);
  await draw(notAborted);
  assert.deepEqual(await listFigures(store, runId), [
    'labels.png',
    'labels@2x.png',
    'losses.png',
    'losses.svg',
    'losses@2x.png',
  ]);
  const films = await listFilms(store, runId);
  assert.deepEqual(
    films.map(({ name, iterations, grid }) => [name, iterations, grid]),
    [
      ['zero', ITERATIONS, 2],
      ['one', ITERATIONS, 2],
    ],
  );
  const drawing = await readDrawing(store, runId);
  assert.deepEqual([drawing?.figures, drawing?.films, drawing?.environment.software], [2, 2, { fake: '1' }]);
  assert.deepEqual(await listSnapshots(store, runId), []);
  assert.match(logs[0]!.message, /^Drew 2 figures and 2 films in [\d.]+ s\.$/);
  assert.ok(phases.has('drawing'));

  // The same line is logged again, since the process that drew them may have died before it could log it.
  await draw(notAborted);
  assert.deepEqual([opened(), new Set(logs.map(({ message }) => message)).size], [1, 1]);
});

test('a run that is stopped while drawing keeps its snapshots and draws everything when it is resumed', async (t) => {
  const { store, runId, draw, stop, logs } = await finishedRun(t);
  await draw(stop.signal);
  assert.equal(await readDrawing(store, runId), undefined);
  assert.deepEqual(await listSnapshots(store, runId), ITERATIONS);
  assert.deepEqual([await listFilms(store, runId), logs], [[], []]);
  await draw(notAborted);
  const film = await readFilm(store, runId, 1);
  assert.deepEqual(film?.record.iterations, ITERATIONS);
  assert.deepEqual(await listSnapshots(store, runId), []);
});

test('a drawing error is logged as a warning, but a full disk or an unavailable store stops the run', async (t) => {
  const broken = await finishedRun(t, {
    drawFigures: async () => {
      throw new Error('no ink');
    },
  });
  await broken.draw(notAborted);
  assert.deepEqual(broken.logs, [
    { level: 'warn', message: 'Not all figures and films could be drawn: no ink' },
  ]);
  assert.equal(await readDrawing(broken.store, broken.runId), undefined);

  for (const code of ['disk_full', 'store_unavailable'] as const) {
    const stopped = await finishedRun(t, {
      drawFigures: async () => {
        throw new StylographError(code, 'It cannot be written.');
      },
    });
    await assert.rejects(stopped.draw(notAborted), withCode(code));
  }
});
