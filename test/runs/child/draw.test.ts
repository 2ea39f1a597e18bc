import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { newRunId } from '../../../src/core/contracts/common.ts';
import type { Dataset } from '../../../src/core/contracts/dataset.ts';
import type { FigureSheet } from '../../../src/core/contracts/figures.ts';
import { resolveConfig } from '../../../src/core/contracts/presets.ts';
import type { RunEventBody } from '../../../src/core/contracts/run.ts';
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

/** A finished run with four snapshots; frames are as dark as the snapshot's first weight says. */
async function setUp(t: TestContext, change: Partial<DrawDependencies> = {}) {
  const store = await openFolderStore(await temporaryFolder(t));
  const runId = newRunId();
  for (const iteration of ITERATIONS) await saveSnapshot(store, runId, iteration, someWeights(iteration));
  const told: RunEventBody[] = [];
  const phases = new Set<string | undefined>();
  let opened = 0;
  let framed = 0;
  const stop = new AbortController();
  const deps: DrawDependencies = {
    store,
    drawFigures: drawFigureSheet,
    metrics: async () => ({ ganLoss: [[1, 0.5]] }),
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
    tell: async (body) => void told.push(body),
    report: async ({ phase }) => void phases.add(phase),
    device: 'cpu',
    software: { fake: '1' },
    ...change,
  };
  const record = { runId, iteration: 4, image, config, digest: 'ab'.repeat(32) };
  const draw = (signal: AbortSignal) =>
    drawRun(deps, { record, served: someWeights(), dataset: {} as Dataset, seed: 1, signal });
  const logs = () => told.flatMap(({ type, data }) => (type === 'log' ? [data] : []));
  return { store, runId, draw, logs, phases, stop, opened: () => opened };
}

const endless = new AbortController().signal;

test('figures and films are drawn once, told, and the snapshots are let go', async (t) => {
  const { store, runId, draw, logs, phases, opened } = await setUp(t);
  await draw(endless);
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
  assert.match(logs()[0]!.message, /^Drew 2 figures and 2 films in [\d.]+ s\.$/);
  assert.ok(phases.has('drawing'));

  // Said again in the same words, since whoever drew it may not have come to say it; the run's events take them once.
  await draw(endless);
  assert.deepEqual([opened(), new Set(logs().map(({ message }) => message)).size], [1, 1]);
});

test('a run that is stopped while it draws keeps its snapshots and draws everything when it goes on', async (t) => {
  const { store, runId, draw, stop, logs } = await setUp(t);
  await draw(stop.signal);
  assert.equal(await readDrawing(store, runId), undefined);
  assert.deepEqual(await listSnapshots(store, runId), ITERATIONS);
  assert.deepEqual([await listFilms(store, runId), logs()], [[], []]);
  await draw(endless);
  const film = await readFilm(store, runId, 1);
  assert.deepEqual(film?.record.iterations, ITERATIONS);
  assert.deepEqual(await listSnapshots(store, runId), []);
});

test('what goes wrong with a picture is told, and the run goes on; a full disk or a store that is away stops it', async (t) => {
  const broken = await setUp(t, {
    drawFigures: async () => {
      throw new Error('no ink');
    },
  });
  await broken.draw(endless);
  assert.deepEqual(broken.logs(), [
    { level: 'warn', message: 'Figures and films could not all be drawn: no ink' },
  ]);
  assert.equal(await readDrawing(broken.store, broken.runId), undefined);

  for (const code of ['disk_full', 'store_unavailable'] as const) {
    const stopped = await setUp(t, {
      drawFigures: async () => {
        throw new StylographError(code, 'It cannot be written.');
      },
    });
    await assert.rejects(stopped.draw(endless), withCode(code));
  }
});
