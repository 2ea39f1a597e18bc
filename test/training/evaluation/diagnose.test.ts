import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '../../../src/core/contracts/presets.ts';
import {
  chanceLevel,
  diagnoseEvaluation,
  diagnoseLive,
  type LiveMeasure,
  type LiveWindow,
} from '../../../src/training/evaluation/diagnose.ts';
import { exampleEvaluation } from './example-evaluations.ts';

const labels = [...'0123456789'];
const quick = { config: resolveConfig('quick'), pixels: 784, labels };

const losses = (ganLoss: number | null, count = 20): LiveWindow => ({
  losses: Array.from({ length: count }, (_, i) => ({ iteration: 10 * (i + 1), ganLoss })),
  measures: [],
});
const measures = (change: Partial<LiveMeasure>, iterations = [400, 600, 800]): LiveWindow => ({
  losses: [],
  measures: iterations.map((iteration) => ({
    iteration,
    diversityRatio: 0.9,
    accuracyPerLabel: Array(10).fill(0.9),
    spreadRatio: 0.9,
    activeUnits: 8,
    ...change,
  })),
});
const found = (window: LiveWindow, run = quick) =>
  diagnoseLive(window, run).map(({ code, severity }) => `${code} ${severity}`);

test('the chance level is the entropy of the share of fakes, scaled as the loss is', () => {
  // One fake per real image: ln 2 per image. Three: the entropy of a quarter.
  assert.ok(Math.abs(chanceLevel(quick.config, 784) - (64 * Math.LN2) / 784) < 1e-12);
  const quarter = -(0.25 * Math.log(0.25) + 0.75 * Math.log(0.75));
  assert.ok(Math.abs(chanceLevel(resolveConfig('article'), 784) - (64 * quarter) / 784) < 1e-12);
});

test('a saturated or blind discriminator is diagnosed, with the numbers that show it', () => {
  assert.deepEqual(found(losses(0.0413)), []);
  assert.deepEqual(found(losses(0.004)), ['discriminator_saturated warning']);
  assert.deepEqual(found(losses(0.0005)), ['discriminator_saturated critical']);
  assert.deepEqual(found(losses(0.0561)), ['discriminator_blind warning']);
  assert.deepEqual(found(losses(0.0566)), ['discriminator_blind critical']);
  const [diagnosis] = diagnoseLive(losses(0.004), quick);
  assert.match(diagnosis!.detail, /0\.00400 over iterations 10 to 200, 7 % of the 0\.0566/);
  assert.match(diagnosis!.advice, /learningRates\.discriminator/);
  assert.equal(diagnosis!.iteration, 200);
});

test('too few numbers or losses that are not finite give no diagnosis', () => {
  assert.deepEqual(found(losses(0.0005, 19)), []);
  assert.deepEqual(found(losses(null)), []);
  assert.deepEqual(found(measures({ diversityRatio: 0.1 }, [400, 600])), []);
});

test('little diversity, or a label lost in the second half of a run, is diagnosed as a mode collapse', () => {
  assert.deepEqual(found(measures({})), []);
  assert.deepEqual(found(measures({ diversityRatio: 0.29 })), ['mode_collapse warning']);
  assert.deepEqual(found(measures({ diversityRatio: 0.1 })), ['mode_collapse critical']);
  const lost = measures({ accuracyPerLabel: labels.map((label) => (label === '8' ? 0.4 : 0.95)) });
  assert.deepEqual(found(lost), ['mode_collapse warning']);
  assert.match(diagnoseLive(lost, quick)[0]!.detail, /40 % of the images requested as "8"/);
  const early = { ...lost, measures: lost.measures.map((measure) => ({ ...measure, iteration: 500 })) };
  assert.deepEqual(found(early), []);
  assert.deepEqual(found(lost, { ...quick, config: resolveConfig('cvae') }), []);
});

test('a latent without information and a latent that the decoder ignores are diagnosed', () => {
  assert.deepEqual(found(measures({ activeUnits: 0, spreadRatio: 0.01 })), ['posterior_collapse critical']);
  assert.deepEqual(found(measures({ spreadRatio: 0.1 })), ['style_ignored warning']);
  assert.deepEqual(found(measures({ spreadRatio: 0.01 })), ['style_ignored critical']);
});

test('without a reference classifier only pixel spread and active units give diagnoses', () => {
  const blind = measures({ diversityRatio: null, accuracyPerLabel: null, spreadRatio: 0.01 });
  assert.deepEqual(found(blind), ['style_ignored critical']);
});

test('an evaluation gives the same diagnoses as live numbers', () => {
  const run = { ...quick, iteration: 1200 };
  const judged = (change: Parameters<typeof exampleEvaluation>[0]) =>
    diagnoseEvaluation(exampleEvaluation(change), run).map(({ code, severity }) => `${code} ${severity}`);
  assert.deepEqual(judged({}), []);
  assert.deepEqual(judged({ diversityRatio: 0.2 }), ['mode_collapse warning']);
  assert.deepEqual(judged({ conditionalAccuracyPerLabel: [0.1, ...Array(9).fill(1)] }), [
    'mode_collapse critical',
  ]);
  const { latent, styleTransfer } = exampleEvaluation();
  assert.deepEqual(judged({ latent: { ...latent, activeUnits: 0 } }), ['posterior_collapse critical']);
  const styleless = { ...styleTransfer, slantCorrelation: 0.05, inkCorrelation: null };
  assert.deepEqual(judged({ styleTransfer: styleless }), ['style_ignored critical']);
});
