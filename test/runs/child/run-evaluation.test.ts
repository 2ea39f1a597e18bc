import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StylographError } from '../../../src/core/errors.ts';
import { weightsDigest } from '../../../src/store/index.ts';
import { exampleEvaluation } from '../../training/evaluation/example-evaluations.ts';
import { fakeEvaluator } from '../fake-training.ts';
import { allEvents, withCode } from '../support.ts';
import { checkpoints, runFixture } from './run-fixture.ts';

test('a finished run is evaluated once, and its events, record and model have the evaluation', async (t) => {
  const { place, takeRun, complete, registry } = await runFixture(t, ({ resume }) =>
    resume ? checkpoints() : checkpoints(20),
  );
  const calls: { samples?: number | undefined; seconds?: number | undefined }[] = [];
  const loadEvaluator = async () =>
    fakeEvaluator({
      evaluate: async ({ weights, samples, secondsAllowed, onProgress }) => {
        calls.push({ samples, seconds: secondsAllowed });
        await sleep(300); // Longer than the interval between progress events.
        await onProgress?.(0.5);
        return exampleEvaluation({ modelDigest: weightsDigest(weights) });
      },
    });
  const run = await takeRun();
  await complete(run, { loadEvaluator });
  // Again, as after a crash while it published.
  await complete(run, { loadEvaluator });
  assert.deepEqual(calls, [{ samples: 2000, seconds: 60 }]);
  const events = await allEvents(place, run.runId);
  const evaluations = events.filter(({ type }) => type === 'evaluation');
  assert.equal(evaluations.length, 1);
  assert.ok(events.some(({ type, data }) => type === 'progress' && data.phase === 'evaluating'));
  assert.deepEqual((await place.runs.get(run.runId)).evaluation, evaluations[0]!.data);
  assert.deepEqual((await registry.get('latest')).evaluation, evaluations[0]!.data);
});

test('a run that is paused during its evaluation publishes nothing until it is resumed', async (t) => {
  const { takeRun, complete, registry } = await runFixture(t, ({ resume }) =>
    resume?.iteration === 20 ? checkpoints() : checkpoints(20),
  );
  const run = await takeRun();
  const stop = new AbortController();
  const loadEvaluator = async () =>
    fakeEvaluator({
      evaluate: async ({ signal }) => {
        stop.abort('pause');
        signal!.throwIfAborted();
        return exampleEvaluation();
      },
    });
  const outcome = await complete(run, { loadEvaluator, signal: stop.signal });
  assert.deepEqual(outcome, { type: 'stopped', reason: 'pause' });
  await assert.rejects(registry.get('latest'), withCode('no_model'));
  assert.equal((await complete(run)).type, 'succeeded');
});

test('a run whose evaluation fails publishes its model without one and logs the reason', async (t) => {
  const { place, takeRun, complete, registry } = await runFixture(t, () => checkpoints(20));
  const run = await takeRun();
  const loadEvaluator = async () =>
    fakeEvaluator({ evaluate: async () => assert.fail('no classifier for this') });
  await complete(run, { loadEvaluator });
  assert.equal((await registry.get('latest')).evaluation, undefined);
  const log = (await allEvents(place, run.runId)).find(({ type }) => type === 'log');
  assert.match(String(log?.data.message), /without an evaluation: no classifier for this/);
});

test('a run without a reference classifier still trains and publishes, and logs why it will not be evaluated', async (t) => {
  const { place, takeRun, complete, registry } = await runFixture(t, () => checkpoints(20));
  const run = await takeRun();
  const loadEvaluator = async () =>
    fakeEvaluator({ prepare: async () => assert.fail('the classifier did not train') });
  assert.equal((await complete(run, { loadEvaluator })).type, 'succeeded');
  assert.equal((await registry.get('latest')).iteration, 20);
  const log = (await allEvents(place, run.runId)).find(({ type }) => type === 'log');
  assert.match(String(log?.data.message), /will not be evaluated: the classifier did not train/);
});

test('a run that cannot reach its store during the evaluation fails and publishes nothing', async (t) => {
  const { takeRun, complete, registry } = await runFixture(t, () => checkpoints(20));
  const run = await takeRun();
  for (const code of ['store_unavailable', 'disk_full'] as const) {
    const evaluate = () => Promise.reject(new StylographError(code, 'It cannot be written.'));
    const loadEvaluator = async () => fakeEvaluator({ evaluate });
    await assert.rejects(complete(run, { loadEvaluator }), withCode(code));
  }
  await assert.rejects(registry.get('latest'), withCode('no_model'));
});
