import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { newModelId, newRunId } from '../../../src/core/contracts/common.ts';
import { PRESETS, resolveConfig } from '../../../src/core/contracts/presets.ts';
import type { Run } from '../../../src/core/contracts/run.ts';
import { duration } from '../../../src/core/presentation/format.ts';
import { evaluationRows, SCORES } from '../../../src/core/presentation/labels.ts';
import { type ReportData, renderReport } from '../../../src/figures/report/index.ts';
import { exampleEvaluation } from '../../training/evaluation/example-evaluations.ts';

const DIGEST = 'ab'.repeat(32);
const at = (second: number): string => new Date(1_795_500_000_000 + 1000 * second).toISOString();

function someRun(change: Partial<Run> = {}): Run {
  const config = resolveConfig('quick', { iterations: 500, learningRates: { encoder: 0.004 } });
  const links = { self: '', events: '', metrics: '', checkpoints: '', figures: '', films: '', report: '' };
  return {
    id: newRunId(),
    name: 'A run',
    state: 'succeeded',
    preset: 'quick',
    dataset: 'mnist',
    seed: 7,
    config,
    tags: [],
    progress: {
      phase: 'publishing',
      iteration: 500,
      iterations: 500,
      secondsElapsed: 41.5,
      secondsRemaining: 0,
      imagesPerSecond: 1_000,
    },
    metrics: {},
    device: 'cpu',
    modelId: newModelId(),
    createdAt: at(0),
    startedAt: at(3),
    finishedAt: at(80),
    links,
    ...change,
  };
}

const dataOf = (run: Run, change: Partial<ReportData> = {}): ReportData => ({
  run,
  presetConfig: PRESETS[run.preset].config,
  dataset: undefined,
  weights: { digest: DIGEST, iteration: 500 },
  drawing: undefined,
  figures: [],
  films: [],
  ...change,
});

test('text from users is escaped', () => {
  const hostile = `"><script>alert('1')</script><img src=x onerror=alert(2)> & 'more'`;
  const run = someRun({
    name: hostile,
    tags: [hostile],
    error: { code: 'internal', message: hostile },
    diagnoses: [
      { code: 'mode_collapse', severity: 'critical', iteration: 5, detail: hostile, advice: hostile },
    ],
  });
  const page = renderReport(
    dataOf(run, { films: [{ name: hostile, frames: 1, webp: new Uint8Array([1]) }] }),
  );
  assert.ok(!page.includes('<script') && !page.includes('<img src=x'));
  const escaped = '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;';
  assert.ok(page.split(escaped).length > 5);
  // No attribute is opened or closed by it either.
  assert.equal(page.match(/ onerror=/g)?.length, page.match(/&lt;img src=x onerror=/g)?.length);
});

test('the page loads nothing from outside, and its policy forbids scripts', () => {
  const figures = [
    { kind: 'labels', label: null, mediaType: 'image/png', bytes: new Uint8Array([1, 2, 3]) },
  ] as const;
  const page = renderReport(dataOf(someRun({ evaluation: exampleEvaluation() }), { figures }));
  const sources = [...page.matchAll(/(?:src|href)="([^"]{0,40})/g)].map(([, address]) => address!);
  assert.ok(sources.length > 0 && sources.every((address) => address.startsWith('data:image/')));
  assert.ok(!/<(script|link|iframe|object|form)\b|\son\w+=|\sstyle=|@import/.test(page));
  const fonts = [...page.matchAll(/url\(([^)]*)\)/g)].map(([, address]) => address!);
  assert.equal(fonts.length, 3);
  for (const font of fonts) {
    assert.match(font, /^data:font\/woff2;base64,d09GMg/);
    assert.ok(font.length < 80_000);
  }
  const [, policy = ''] = /Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
  assert.match(policy, /^default-src &#39;none&#39;; img-src data:; font-src data:; style-src &#39;sha256-/);
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
  assert.ok(policy.includes(`sha256-${createHash('sha256').update(style).digest('base64')}`));
});

test('the same data gives the same bytes', () => {
  const run = someRun({ evaluation: exampleEvaluation() });
  assert.equal(renderReport(dataOf(run)), renderReport(dataOf(structuredClone(run))));
});

test('the report has the command to reproduce the run, the differing settings and the expected digest', () => {
  const page = renderReport(dataOf(someRun())).replaceAll('&quot;', '"').replaceAll('&#39;', "'");
  const [, body = ''] = /-d '(\{.*\})'/.exec(page) ?? [];
  assert.deepEqual(JSON.parse(body), {
    preset: 'quick',
    dataset: 'mnist',
    seed: 7,
    config: { iterations: 500, learningRates: { encoder: 0.004 } },
  });
  assert.ok(page.includes(`<pre>${DIGEST}</pre>`));
  assert.match(page, /2 of \d+ settings differ from the preset/);
  assert.match(
    page,
    /<tr class="differs"><th scope="row">Learning rates, Encoder <code>learningRates\.encoder<\/code>/,
  );
  const plain = someRun({ config: PRESETS.quick.config });
  assert.match(renderReport(dataOf(plain)), /All settings are those of the preset/);
});

test('metrics have the labels of the dashboard', () => {
  const page = renderReport(dataOf(someRun({ evaluation: exampleEvaluation() })));
  for (const { label } of SCORES) assert.ok(page.includes(`<th scope="row">${label} `), label);
  for (const [label] of evaluationRows(exampleEvaluation())) {
    assert.ok(page.includes(`<th scope="row">${label}</th>`), label);
  }
});

test('durations have at most two units and never 60 seconds', () => {
  const texts = [4.24, 9.99, 119.4, 239.7, 3725, 7199.6, 7260].map(duration);
  assert.deepEqual(texts, ['4.2 s', '10.0 s', '119 s', '4 min', '62 min 5 s', '2 h', '2 h 1 min']);
});

test('a run without evaluation, figures or model says so', () => {
  const { modelId, ...rest } = someRun({ state: 'running', finishedAt: null });
  const page = renderReport(dataOf(rest, { weights: undefined }));
  for (const text of [/has not been evaluated: it is running/, /No figures yet/, /published no model/]) {
    assert.match(page, text);
  }
  assert.ok(!/undefined|NaN|\[object/.test(page));
  assert.match(renderReport(dataOf(someRun())), /This run has not been evaluated\. Losses alone/);
});

test('the scores of the model are shown beside those of the self-tests', () => {
  const evaluation = exampleEvaluation();
  const page = renderReport(dataOf(someRun({ evaluation })));
  assert.ok(page.includes(`${(100 * evaluation.conditionalAccuracy).toFixed(1)} %`));
  const columns = page.match(/<th scope="col" class="number">/g)!.length;
  assert.ok(columns >= 1 + Object.keys(evaluation.selfTests).length);
  assert.ok(page.includes(evaluation.classifier.digest));
  assert.ok(!/undefined|NaN|\[object/.test(page));
});
