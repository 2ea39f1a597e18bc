import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run, RunEvent } from '../../src/client/index.ts';
import { PRESETS } from '../../src/core/contracts/presets.ts';
import { align, smooth } from '../../src/web/lib/curves.ts';
import { sortFigures } from '../../src/web/lib/figures.ts';
import { byField, toRequest } from '../../src/web/lib/run-form.ts';
import { emptyView, parseSample, type RunView, withEvent, withHistory } from '../../src/web/lib/run-view.ts';

const RUN = { id: 'run_1', state: 'queued', metrics: {} } as Run;
const event = (id: string, type: string, data: object): RunEvent => ({ id, type, data }) as RunEvent;
const apply = (view: RunView, ...events: RunEvent[]): RunView => events.reduce(withEvent, view);

test('a repeated event is applied once', () => {
  const log = event('10-0', 'log', { level: 'info', message: 'hello' });
  const later = event('9-3', 'log', { level: 'info', message: 'from before' });
  const view = apply(emptyView(RUN), log, log, later);
  assert.deepEqual(
    view.log.map(({ message }) => message),
    ['hello'],
  );
  assert.equal(view.lastEventId, '10-0');
});

test('validation scores become curves and update the best checkpoint', () => {
  const training = { ...RUN, config: { trainOn: 'train' } } as Run;
  const validation = (id: string, iteration: number, frechetJointDistance: number) =>
    event(id, 'validation', {
      iteration,
      samples: 1000,
      secondsElapsed: 9,
      frechetJointDistance,
      coverage: 0.7,
    });
  const events = [validation('1-0', 100, 0.3), validation('2-0', 200, 0.1), validation('3-0', 300, 0.2)];
  const view = apply(emptyView(training), ...events);
  assert.deepEqual([...view.series.keys()], ['frechetJointDistance', 'coverage']);
  assert.equal(view.run.best?.iteration, 200);
  const all = { ...RUN, config: { trainOn: 'train+validation' } } as Run;
  assert.equal(apply(emptyView(all), ...events).run.best, undefined);
});

test('event ids are compared as numbers', () => {
  const view = apply(
    emptyView(RUN),
    event('9-0', 'state', { state: 'running' }),
    event('10-0', 'state', { state: 'paused' }),
  );
  assert.equal(view.run.state, 'paused');
});

test('history that arrives after events is merged with them', () => {
  const followed = apply(emptyView(RUN, '5-0'), event('6-0', 'metrics', { iteration: 20, ganLoss: 0.2 }));
  const view = withHistory(followed, {
    series: {
      ganLoss: [
        [10, 0.1],
        [20, 0.2],
      ],
    },
    figures: [{ file: 'labels-000000100.png' }, { file: 'manifold-3-000000200.png' }, { file: 'losses.svg' }],
    checkpoints: [],
  });
  assert.deepEqual(
    [...view.series.get('ganLoss')!],
    [
      [20, 0.2],
      [10, 0.1],
    ],
  );
  assert.deepEqual([...view.samples.keys()], ['labels', 'manifold']);
  assert.deepEqual(view.finals, ['losses.svg']);
});

test('a reset replaces the run and keeps its curves', () => {
  const before = apply(emptyView(RUN), event('6-0', 'metrics', { iteration: 20, ganLoss: 0.2 }));
  const view = withEvent(before, event('90-0', 'reset', { ...RUN, state: 'succeeded' }));
  assert.equal(view.run.state, 'succeeded');
  assert.equal(view.series.get('ganLoss')!.size, 1);
});

test('a critical diagnosis replaces its warning', () => {
  const diagnosis = { code: 'mode_collapse', severity: 'warning', iteration: 1, detail: '', advice: '' };
  const view = apply(
    emptyView(RUN),
    event('1-0', 'diagnosis', diagnosis),
    event('2-0', 'diagnosis', { ...diagnosis, severity: 'critical', iteration: 9 }),
  );
  assert.deepEqual(
    view.run.diagnoses!.map(({ severity }) => severity),
    ['critical'],
  );
});

test('the file name of a sample gives its kind, label and iteration', () => {
  assert.deepEqual(parseSample('manifold-3-000000200.png'), {
    kind: 'manifold',
    label: 3,
    iteration: 200,
    file: 'manifold-3-000000200.png',
  });
  assert.equal(parseSample('style-transfer.png'), undefined);
});

test('smoothing starts at the first value and keeps gaps', () => {
  assert.deepEqual(
    smooth([4, null, 4], 0.9).map((value) => value && Math.round(value)),
    [4, null, 4],
  );
  assert.deepEqual(smooth([1, 2], 0), [1, 2]);
});

test('curves of different iterations share an axis; a logarithmic axis omits values below 0', () => {
  const curves = [
    {
      label: 'a',
      colour: 0,
      points: [
        [1, 5],
        [3, -1],
      ] as [number, number][],
    },
    { label: 'b', colour: 1, points: [[2, 6]] as [number, number][] },
  ];
  assert.deepEqual(align(curves, 0, true), [
    [1, 2, 3],
    [5, undefined, null],
    [undefined, 6, undefined],
  ]);
});

test('only curves with enough points are smoothed', () => {
  const curve = (count: number) => ({
    label: 'a',
    colour: 0,
    points: Array.from({ length: count }, (_, i): [number, number] => [i, i % 2]),
  });
  assert.deepEqual(align([curve(4)], 0.9, false)[1], [0, 1, 0, 1]);
  assert.notDeepEqual(
    align([curve(40)], 0.9, false)[1],
    curve(40).points.map(([, value]) => value),
  );
});

test('a request has the settings that differ from the preset, and invalid text unchanged', () => {
  const preset = { config: { ...PRESETS.quick.config, iterations: 1200, batchSize: 64 } };
  const form = {
    preset: 'quick',
    dataset: 'mnist',
    name: '',
    seed: '7',
    settings: { iterations: '1200', batchSize: 'many' },
  };
  assert.deepEqual(toRequest(form, preset), {
    preset: 'quick',
    dataset: 'mnist',
    seed: 7,
    config: { batchSize: 'many' },
  });
  assert.deepEqual(byField([{ path: 'body.config.batchSize', message: 'is no number' }]), {
    batchSize: 'is no number',
  });
});

test('final figures are sorted by kind and label, preferring vector graphics', () => {
  const files = [
    'scatter.png',
    'scatter.svg',
    'scatter@2x.png',
    'scatter-3.png',
    'style-transfer-7.png',
    'x.txt',
  ];
  const figures = sortFigures(files);
  assert.deepEqual(
    [...figures].map(([kind, labels]) => [kind, ...labels]),
    [
      ['style-transfer', ['7', 'style-transfer-7.png']],
      ['scatter', ['all', 'scatter.svg'], ['3', 'scatter-3.png']],
    ],
  );
});
