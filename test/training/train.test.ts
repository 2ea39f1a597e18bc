import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrainingState } from '../../src/core/contracts/checkpoint.ts';
import type { TrainingConfigOverrides } from '../../src/core/contracts/config.ts';
import type { Dataset } from '../../src/core/contracts/dataset.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { tf } from '../../src/engine/index.ts';
import { servedWeights } from '../../src/model/networks.ts';
import { type TrainingEvent, train } from '../../src/training/loop.ts';
import {
  discriminatorContinues,
  equilibriumGate,
  frameIterations,
  generatorStops,
  inputNoise,
  isDue,
  priorFactor,
  rateFactor,
  smoothed,
} from '../../src/training/schedule.ts';

/** Two labels, horizontal and vertical bars: a dataset without files. */
function barDataset(): Dataset {
  const split = (count: number) => {
    const images = new Uint8Array(count * 256);
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
    for (let i = 0; i < count; i++) {
      const at = 3 + (i % 10);
      for (let k = 2; k < 14; k++) images[i * 256 + (labels[i] ? at * 16 + k : k * 16 + at)] = 255;
    }
    return { count, images, labels };
  };
  const labels = ['standing', 'lying'].map((name, index) => ({ index, name, count: 40 }));
  const info = {
    id: 'bars',
    name: 'Bars',
    labels,
    width: 16,
    height: 16,
    channels: 1 as const,
    split: { train: 60, validation: 10, test: 10 },
    digest: '0'.repeat(64),
    warnings: [],
    createdAt: null,
  };
  return { info, train: split(60), validation: split(10), test: split(10) };
}

const config = (overrides: TrainingConfigOverrides = {}) =>
  resolveConfig('article', {
    iterations: 6,
    batchSize: 8,
    latentDim: 3,
    networks: { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] },
    checkpointEvery: 2,
    metricsEvery: 2,
    sampleEvery: 4,
    ...overrides,
  });

async function collect(options: Partial<Parameters<typeof train>[0]> = {}): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  const signal = new AbortController().signal;
  for await (const event of train({ config: config(), dataset: barDataset(), seed: 11, signal, ...options }))
    events.push(event);
  return events;
}

const states = (events: TrainingEvent[]): TrainingState[] =>
  events.flatMap((event) => (event.type === 'checkpoint' ? [event.state] : []));
const numbers = ({ weights, optimizer, averages }: TrainingState) =>
  [weights, optimizer, averages].map((group) => group.map(({ name, values }) => [name, values.join()]));

test('a run yields its events in order and ends with a checkpoint', async () => {
  const events = await collect();
  const said = events
    .filter(({ type }) => type !== 'progress')
    .map((event) => {
      if (event.type === 'sample') return `sample ${event.sheet.kind} ${event.iteration}`;
      return event.type === 'checkpoint'
        ? `checkpoint ${event.state.iteration}`
        : `${event.type} ${(event as { iteration: number }).iteration}`;
    });
  const sheets = ['labels', 'reconstructions', 'manifold', 'scatter'];
  assert.deepEqual(said, [
    'snapshot 0',
    'metrics 2',
    'checkpoint 2',
    'snapshot 3',
    'metrics 4',
    ...sheets.map((kind) => `sample ${kind} 4`),
    'checkpoint 4',
    'metrics 6',
    ...sheets.map((kind) => `sample ${kind} 6`),
    'snapshot 6',
    'checkpoint 6',
  ]);
  const progress = events.flatMap((event) => (event.type === 'progress' ? [event.progress] : []));
  assert.deepEqual(
    progress.map(({ iteration }) => iteration),
    [0, 1, 2, 3, 4, 5, 6],
  );
  assert.ok(
    progress.every(({ secondsElapsed }, i) => i === 0 || secondsElapsed > progress[i - 1]!.secondsElapsed),
  );
});

const VARIANTS: [string, TrainingConfigOverrides][] = [
  ["the article's procedure", {}],
  [
    'Adam, averages, a warm-up and falling rates',
    { optimizer: 'adam', decoderAveraging: 0.9, warmupIterations: 3, learningRateDecay: 0.5 },
  ],
  ['batch normalisation', { batchNorm: true }],
  [
    'an equilibrium, noise that fades, a prior that warms up, wrong labels',
    { gate: 'equilibrium', inputNoise: 0.2, priorWarmupIterations: 4, wrongLabelFakeWeight: 1 },
  ],
  ['the plain CVAE', { objective: 'cvae' }],
];
for (const [name, overrides] of VARIANTS) {
  test(`a run resumed from any checkpoint ends bit-identical to an uninterrupted one: ${name}`, async () => {
    const unbroken = await collect({ config: config(overrides) });
    for (const state of states(unbroken).slice(0, -1)) {
      const resumed = await collect({ config: config(overrides), resume: structuredClone(state) });
      assert.deepEqual(numbers(states(resumed).at(-1)!), numbers(states(unbroken).at(-1)!));
      const metrics = (events: TrainingEvent[]) =>
        events.filter((event) => event.type === 'metrics' && event.iteration > state.iteration);
      assert.deepEqual(metrics(resumed), metrics(unbroken));
    }
  });
}

test('different seeds give different weights', async () => {
  const [a, b] = [await collect({ seed: 1 }), await collect({ seed: 2 })];
  assert.notDeepEqual(numbers(states(a).at(-1)!), numbers(states(b).at(-1)!));
});

test('a paused run ends with a checkpoint, a cancelled run without one', async () => {
  const stopped = async (reason: string) => {
    const controller = new AbortController();
    const events: TrainingEvent[] = [];
    const options = {
      config: config({ checkpointEvery: 100 }),
      dataset: barDataset(),
      seed: 11,
      signal: controller.signal,
    };
    for await (const event of train(options)) {
      events.push(event);
      if (event.type === 'progress' && event.progress.iteration === 3) controller.abort(reason);
    }
    return events;
  };
  assert.deepEqual(
    states(await stopped('pause')).map(({ iteration }) => iteration),
    [3],
  );
  assert.deepEqual(states(await stopped('cancel')), []);
});

test('a run leaks no tensors', async () => {
  const before = tf.memory().numTensors;
  await collect();
  assert.equal(tf.memory().numTensors, before);
});

test('a loss that is not finite is reported as null and ends the run with advice', async () => {
  const rates = { encoder: 1, decoder: 1, discriminator: 1 };
  const events: TrainingEvent[] = [];
  const broken = structuredClone(states(await collect())[0]!);
  broken.weights[0]!.values.fill(Number.NaN);
  await assert.rejects(
    async () => {
      const signal = new AbortController().signal;
      for await (const event of train({
        config: config({ learningRates: rates }),
        dataset: barDataset(),
        seed: 1,
        signal,
        resume: broken,
      })) {
        events.push(event);
      }
    },
    { code: 'diverged', message: /lower learningRates/ },
  );
  const last = events.at(-1)!;
  assert.ok(last.type === 'metrics' && last.values.encoderLoss === null);
});

test('a rate scale multiplies the learning rates, also after resuming from the checkpoint', async () => {
  const { encoder, decoder, discriminator } = config().learningRates;
  // Halving is exact, so both ways of asking for it give the same bits.
  const half = { encoder: encoder / 2, decoder: decoder / 2, discriminator: discriminator / 2 };
  const lower = states(await collect({ config: config({ learningRates: half }) }));
  const scaled = states(await collect({ rateScale: 0.5 }));
  assert.deepEqual(scaled.at(-1)!.weights, lower.at(-1)!.weights);
  const resumed = states(await collect({ resume: scaled[0] }));
  assert.deepEqual(resumed.at(-1)!.weights, lower.at(-1)!.weights);
  assert.equal(resumed.at(-1)!.rateScale, 0.5);
});

test('averages are served instead of the weights', async () => {
  const [state] = states(await collect({ config: config({ decoderAveraging: 0.9 }) }));
  const served = servedWeights(state!);
  assert.deepEqual(
    served.map(({ name }) => name),
    state!.weights.map(({ name }) => name),
  );
  const find = (group: typeof served, name: string) => group.find((weight) => weight.name === name)!.values;
  assert.deepEqual(find(served, 'decoder/conv1/kernel'), find(state!.averages, 'decoder/conv1/kernel'));
  assert.notDeepEqual(find(served, 'decoder/conv1/kernel'), find(state!.weights, 'decoder/conv1/kernel'));
  assert.deepEqual(
    find(served, 'discriminator/conv1/kernel'),
    find(state!.weights, 'discriminator/conv1/kernel'),
  );
});

test('the schedule follows its thresholds', () => {
  const article = resolveConfig('article');
  assert.equal(discriminatorContinues(0.057, 1, article), false);
  assert.equal(discriminatorContinues(1.2, 1, article), true);
  assert.equal(discriminatorContinues(1.2, 3, article), false);
  assert.equal(generatorStops(0.057, article), false);
  assert.equal(generatorStops(0.41, article), true);
  assert.equal(isDue(48_000, 7, 48_000), true);
  const falling = resolveConfig('article', { iterations: 100, learningRateDecay: 0.5 });
  const factors = [0, 50, 75, 100].map((iteration) => Number(rateFactor(iteration, falling).toFixed(6)));
  assert.deepEqual(factors, [1, 1, 0.55, 0.1]);
});

test('the equilibrium gate stops the network that is too far ahead, and never both', () => {
  const who = (real: number, fake: number) => {
    const { discriminator, decoder } = equilibriumGate({ real, fake });
    return [discriminator && 'discriminator', decoder && 'decoder'].filter(Boolean).join(' ');
  };
  assert.equal(who(0.68, 0.68), 'discriminator decoder');
  assert.equal(who(0.32, 0.68), 'decoder');
  assert.equal(who(0.68, 1.04), 'discriminator');
  assert.equal(who(0.1, 1.2), 'discriminator decoder');
  assert.deepEqual(equilibriumGate(undefined), { discriminator: true, decoder: true });
  assert.deepEqual(smoothed(undefined, { real: 1, fake: 0 }), { real: 1, fake: 0 });
  const { real, fake } = smoothed({ real: 1, fake: 0 }, { real: 0, fake: 1 });
  assert.deepEqual([real.toFixed(6), fake.toFixed(6)], ['0.900000', '0.100000']);
});

test('noise falls to 0 and the weight of the prior rises to 1', () => {
  const config = resolveConfig('quick', { iterations: 100, inputNoise: 0.2, priorWarmupIterations: 50 });
  assert.deepEqual(
    [0, 50, 100].map((iteration) => inputNoise(iteration, config)),
    [0.2, 0.1, 0],
  );
  assert.deepEqual(
    [0, 25, 50, 90].map((iteration) => priorFactor(iteration, config)),
    [0, 0.5, 1, 1],
  );
  assert.equal(priorFactor(0, resolveConfig('article')), 1);
});

test('frames are spaced geometrically, from before training to its end', () => {
  const figures = { schedule: 'geometric', frames: 60, grid: 10 } as const;
  for (const iterations of [1, 2, 59, 60, 1_200, 48_000]) {
    const taken = frameIterations({ iterations, figures });
    assert.equal(taken.length, Math.min(60, iterations + 1));
    assert.deepEqual([taken[0], taken.at(-1)], [0, iterations]);
    assert.ok(taken.every((iteration, i) => i === 0 || iteration > taken[i - 1]!));
  }
  const long = frameIterations({ iterations: 48_000, figures });
  const factors = long.slice(-20).map((iteration, i, all) => (i === 0 ? 0 : iteration / all[i - 1]!));
  assert.ok(Math.max(...factors) - Math.min(...factors.slice(1)) < 0.01);
  assert.deepEqual(frameIterations({ iterations: 9, figures: { ...figures, frames: 0 } }), []);
  assert.deepEqual(frameIterations({ iterations: 9, figures: { ...figures, frames: 1 } }), [9]);
});

test("the article's schedule has 190 frames: every third iteration to 297, then every thirtieth to 2,970", () => {
  const figures = { schedule: 'article', frames: 190, grid: 15 } as const;
  const taken = frameIterations({ iterations: 48_000, figures });
  assert.equal(taken.length, 190);
  assert.deepEqual(taken.slice(0, 3), [0, 3, 6]);
  assert.deepEqual(taken.slice(98, 103), [294, 297, 300, 330, 360]);
  assert.equal(taken.at(-1), 2_970);
  assert.deepEqual(frameIterations({ iterations: 10, figures }), [0, 3, 6, 9]);
});

test('snapshots contain the served decoder, and a resumed run yields the same ones as an uninterrupted run', async () => {
  const snapshots = (events: TrainingEvent[]) =>
    events.flatMap((event) => (event.type === 'snapshot' ? [event] : []));
  const options = { config: config({ decoderAveraging: 0.9, batchNorm: true }) };
  const unbroken = await collect(options);
  const last = snapshots(unbroken).at(-1)!;
  const served = servedWeights(states(unbroken).at(-1)!).filter(({ name }) => name.startsWith('decoder/'));
  const byName = (weights: typeof served) => weights.map(({ name, values }) => [name, values.join()]).sort();
  assert.equal(last.iteration, 6);
  assert.deepEqual(byName(last.decoder), byName(served));

  const [state] = states(unbroken);
  const resumed = await collect({ ...options, resume: structuredClone(state!) });
  assert.deepEqual(
    snapshots(resumed),
    snapshots(unbroken).filter(({ iteration }) => iteration > state!.iteration),
  );
});
