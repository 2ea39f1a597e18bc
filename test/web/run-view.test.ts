import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run, RunEvent } from '../../src/web/lib/contract.ts';
import { align, smooth } from '../../src/web/lib/curves.ts';
import { sortFigures } from '../../src/web/lib/figures.ts';
import { byField, toRequest } from '../../src/web/lib/run-form.ts';
import { emptyView, parseSample, type RunView, withEvent, withHistory } from '../../src/web/lib/run-view.ts';

const RUN = { id: 'run_1', state: 'queued', metrics: {} } as Run;
const event = (id: string, type: string, data: object): RunEvent => ({ id, type, data }) as RunEvent;
const apply = (view: RunView, ...events: RunEvent[]): RunView => events.reduce(withEvent, view);

test('an event that comes again after a lost connection is taken once', () => {
  const log = event('10-0', 'log', { level: 'info', message: 'hello' });
  const later = event('9-3', 'log', { level: 'info', message: 'from before' });
  const view = apply(emptyView(RUN), log, log, later);
  assert.deepEqual(
    view.log.map(({ message }) => message),
    ['hello'],
  );
  assert.equal(view.lastEventId, '10-0');
});

test('evidence becomes curves, and the best of it is told with the run', () => {
  const training = { ...RUN, config: { trainOn: 'train' } } as Run;
  const evidence = (id: string, iteration: number, frechetJointDistance: number) =>
    event(id, 'validation', {
      iteration,
      samples: 1000,
      secondsElapsed: 9,
      frechetJointDistance,
      coverage: 0.7,
    });
  const told = [evidence('1-0', 100, 0.3), evidence('2-0', 200, 0.1), evidence('3-0', 300, 0.2)];
  const view = apply(emptyView(training), ...told);
  assert.deepEqual([...view.series.keys()], ['frechetJointDistance', 'coverage']);
  assert.equal(view.run.best?.iteration, 200);
  const all = { ...RUN, config: { trainOn: 'train+validation' } } as Run;
  assert.equal(apply(emptyView(all), ...told).run.best, undefined);
});

test('ids are compared as numbers', () => {
  const view = apply(
    emptyView(RUN),
    event('9-0', 'state', { state: 'running' }),
    event('10-0', 'state', { state: 'paused' }),
  );
  assert.equal(view.run.state, 'paused');
});

test('history that is loaded late joins what was followed meanwhile', () => {
  const followed = apply(emptyView(RUN, '5-0'), event('6-0', 'metrics', { iteration: 20, ganLoss: 0.2 }));
  const view = withHistory(followed, {
    series: {
      ganLoss: [
        [10, 0.1],
        [20, 0.2],
      ],
    },
    figures: [
      { file: 'labels-000000100.png' },
      { file: 'manifold-3-000000200.png' },
      { file: 'losses.svg' },
    ] as never,
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

test('a snapshot replaces the run and keeps its curves', () => {
  const before = apply(emptyView(RUN), event('6-0', 'metrics', { iteration: 20, ganLoss: 0.2 }));
  const view = withEvent(before, event('90-0', 'reset', { ...RUN, state: 'succeeded' }));
  assert.equal(view.run.state, 'succeeded');
  assert.equal(view.series.get('ganLoss')!.size, 1);
});

test('a worse form of a diagnosis takes the place of the milder', () => {
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

test('files of samples tell their kind, label and iteration', () => {
  assert.deepEqual(parseSample('manifold-3-000000200.png'), {
    kind: 'manifold',
    label: 3,
    iteration: 200,
    file: 'manifold-3-000000200.png',
  });
  assert.equal(parseSample('style-transfer.png'), undefined);
});

test('smoothing starts at the first value and leaves gaps', () => {
  assert.deepEqual(
    smooth([4, null, 4], 0.9).map((value) => value && Math.round(value)),
    [4, null, 4],
  );
  assert.deepEqual(smooth([1, 2], 0), [1, 2]);
});

test('curves of different iterations share an axis, and what has no logarithm is left out', () => {
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

test('a handful of points is shown as told, many are smoothed', () => {
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

test('a request holds what differs from the preset, and a mistake as it was typed', () => {
  const preset = { name: 'quick', description: '', config: { iterations: 1200, batchSize: 64 } } as never;
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

test('of final figures the vector one is shown, by kind and label', () => {
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
