import assert from 'node:assert/strict';
import test from 'node:test';
import { CHILD_MODULES } from '../../../src/bin/child-modules.ts';
import type { TrainingConfigOverrides } from '../../../src/core/contracts/config.ts';
import { startWorker } from '../../../src/runs/worker/worker.ts';
import {
  listFigures,
  listSnapshots,
  ModelRegistry,
  openFolderStore,
  readFigure,
} from '../../../src/store/index.ts';
import { readFilm } from '../../../src/store/run-files.ts';
import { writeSmallMnist } from '../../data/mnist-files.ts';
import { allEvents, iterationsIn, newRun, statesIn, until, untilState, workplace } from '../support.ts';

const tiny: TrainingConfigOverrides = {
  iterations: 60,
  batchSize: 8,
  latentDim: 2,
  networks: { encoder: [4, 4, 8], decoder: [8, 4, 4], discriminator: [4, 4, 4] },
  metricsEvery: 20,
  checkpointEvery: 8,
  sampleEvery: 30,
  figures: { frames: 12, grid: 2 },
};

test('a run whose process is killed ends with the same weights, films and events as an uninterrupted run', async (t) => {
  const place = await workplace(t);
  await writeSmallMnist(place.folder);
  const worker = await startWorker({
    redis: place.target,
    dataDir: place.folder,
    childModule: CHILD_MODULES.run,
  });
  place.onEnd(() => worker.close());
  const [killed, uninterrupted] = [
    (await place.runs.create(newRun(tiny))).run.id,
    (await place.runs.create(newRun(tiny))).run.id,
  ];
  await until('a checkpoint', async () => {
    const events = await allEvents(place, killed);
    return iterationsIn(events, 'checkpoint').length > 0;
  });
  process.kill(worker.active[0]!.pid!, 'SIGKILL');
  const models = new ModelRegistry(await openFolderStore(place.folder));
  const digests: string[] = [];
  for (const id of [killed, uninterrupted]) {
    const succeeded = async () => {
      const { state, error } = await place.runs.get(id);
      assert.notEqual(state, 'failed', JSON.stringify(error));
      return state === 'succeeded' && (await place.runs.get(id));
    };
    // The machine may be busy with other tests.
    const run = await until('the end of the run', succeeded, 300_000);
    const events = await allEvents(place, id);
    assert.deepEqual(iterationsIn(events, 'metrics'), [20, 40, 60]);
    assert.deepEqual(iterationsIn(events, 'checkpoint'), [8, 16, 24, 32, 40, 48, 56, 60]);
    digests.push((await models.get(run.modelId!)).digest);
  }
  assert.equal(digests[0], digests[1]);
  await models.readWeights('latest');
  const taken = statesIn(await allEvents(place, killed)).filter((state) => state === 'running');
  assert.equal(taken.length, 2);

  const store = await openFolderStore(place.folder);
  // The films of both runs have the same frames, and the snapshots are removed.
  for (let label = 0; label < 10; label++) {
    const [film, expected] = [
      await readFilm(store, killed, label),
      await readFilm(store, uninterrupted, label),
    ];
    assert.deepEqual(film, expected);
    assert.equal(expected?.record.iterations.length, 12);
    assert.deepEqual([expected.record.iterations[0], expected.record.iterations.at(-1)], [0, 60]);
  }
  assert.deepEqual(await listSnapshots(store, killed), []);
  const figures = await listFigures(store, uninterrupted);
  assert.ok(figures.includes('labels-000000030.png') && figures.includes('reconstructions-000000060.png'));
  for (const file of ['manifold-9.png', 'style-transfer-7@2x.png', 'scatter.svg', 'losses.svg']) {
    assert.ok(figures.includes(file), file);
  }
  const png = await readFigure(store, uninterrupted, figures[0]!);
  assert.equal(Buffer.from(png.subarray(1, 4)).toString(), 'PNG');
});

test('a run on an unknown dataset fails with dataset_not_found', async (t) => {
  const place = await workplace(t);
  const worker = await startWorker({
    redis: place.target,
    dataDir: place.folder,
    childModule: CHILD_MODULES.run,
  });
  place.onEnd(() => worker.close());
  const { id } = (await place.runs.create(newRun(tiny, { dataset: 'nothing' }))).run;
  const { error } = await untilState(place, id, 'failed');
  assert.equal(error?.code, 'dataset_not_found');
});
