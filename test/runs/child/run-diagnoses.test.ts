import assert from 'node:assert/strict';
import test from 'node:test';
import { StylographError } from '../../../src/core/errors.ts';
import { latestCheckpoint } from '../../../src/store/index.ts';
import { someState } from '../../store/small-models.ts';
import { fakeEvaluator } from '../fake-training.ts';
import { allEvents, newRun, type Workplace, withCode } from '../support.ts';
import { checkpoints, runFixture } from './run-fixture.ts';

async function diagnosesOf(place: Workplace, runId: string) {
  const events = await allEvents(place, runId);
  return events.flatMap(({ type, data }) =>
    type === 'diagnosis' ? [[data.code, data.severity, data.iteration]] : [],
  );
}

test('a run makes each diagnosis once per severity, also when it is resumed within the window of a diagnosis', async (t) => {
  const stop = new AbortController();
  const { place, takeRun, complete } = await runFixture(t, async function* ({ resume, signal }) {
    for (let iteration = (resume?.iteration ?? 0) + 1; iteration <= 40; iteration++) {
      yield { type: 'metrics', iteration, values: { ganLoss: iteration <= 20 ? 0.004 : 0 } };
      if (iteration % 10 === 0) yield* checkpoints(iteration);
      if (iteration !== 15 || signal !== stop.signal) continue;
      yield* checkpoints(iteration);
      return stop.abort('pause');
    }
  });
  const loadEvaluator = async () =>
    fakeEvaluator({
      openScorer: async () => ({
        score: async (_served, { iteration }) => ({
          measure: {
            iteration,
            diversityRatio: 1,
            accuracyPerLabel: [1, 1],
            spreadRatio: 0.1,
            activeUnits: 8,
          },
          validation: undefined,
        }),
        dispose: () => undefined,
      }),
    });
  const config = {
    ...newRun().config,
    ...{ iterations: 40, metricsEvery: 1, checkpointEvery: 10, warmupIterations: 0 },
  };
  const interrupted = await takeRun({ config });
  await complete(interrupted, { loadEvaluator, signal: stop.signal });
  await complete(interrupted, { loadEvaluator });
  const uninterrupted = await takeRun({ config });
  await complete(uninterrupted, { loadEvaluator });
  for (const { runId } of [interrupted, uninterrupted]) {
    // 20 losses and three scored checkpoints are needed. The first 15 and the first come from before the pause.
    assert.deepEqual(await diagnosesOf(place, runId), [
      ['discriminator_saturated', 'warning', 20],
      ['style_ignored', 'warning', 30],
      ['discriminator_saturated', 'critical', 35],
    ]);
    assert.equal((await place.runs.get(runId)).diagnoses?.length, 3);
  }
});

const diverged = (iteration: number) =>
  new StylographError('diverged', `ganLoss stopped being a finite number at iteration ${iteration}.`);

test('after a loss that is not finite a run continues from its last checkpoint with lower learning rates', async (t) => {
  const starts: [number | undefined, number | undefined][] = [];
  const { place, takeRun, complete } = await runFixture(t, async function* ({ resume, rateScale }) {
    starts.push([resume?.iteration, rateScale]);
    if (starts.length === 2) return yield* checkpoints(15, 20);
    yield* checkpoints(5, 10);
    yield { type: 'metrics', iteration: 13, values: { ganLoss: null } };
    throw diverged(13);
  });
  const run = await takeRun();
  assert.equal((await complete(run)).type, 'succeeded');
  assert.deepEqual(starts, [
    [undefined, undefined],
    [10, 0.3],
  ]);
  const events = await allEvents(place, run.runId);
  const [diagnosis] = events.filter(({ type }) => type === 'diagnosis');
  assert.deepEqual([diagnosis?.data.code, diagnosis?.data.severity], ['not_finite', 'warning']);
  assert.match(String(diagnosis?.data.advice), /went back to iteration 10 .* multiplied by 0\.3/);
  assert.ok(
    events.some(({ type, data }) => type === 'log' && /went back to iteration 10/.test(String(data.message))),
  );
});

test('a run that diverges again with lower learning rates fails, also when it was resumed in between', async (t) => {
  const { place, store, takeRun, complete } = await runFixture(t, async function* ({ resume, rateScale }) {
    if (resume?.iteration === 10) throw diverged(13);
    for (const iteration of [5, 10]) {
      yield {
        type: 'checkpoint',
        state: { ...someState(iteration), rateScale: rateScale ?? resume?.rateScale ?? 1 },
      };
      if (iteration === 5 && rateScale === undefined) throw diverged(7);
    }
    throw diverged(11);
  });
  const run = await takeRun();
  await assert.rejects(complete(run), withCode('diverged'));
  const newest = await latestCheckpoint(store, run.runId, assert.fail);
  assert.deepEqual([newest?.state.iteration, newest?.state.rateScale], [10, 0.3]);
  // The lower rate in its checkpoint shows that it has been retried.
  await assert.rejects(complete(run), withCode('diverged'));
  assert.deepEqual(await diagnosesOf(place, run.runId), [
    ['not_finite', 'warning', 0],
    ['not_finite', 'critical', 5],
  ]);
});
