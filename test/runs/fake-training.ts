import type { TrainingState } from '../../src/core/contracts/checkpoint.ts';
import type { Dataset, LabelledImages } from '../../src/core/contracts/dataset.ts';
import type { FigureSheet } from '../../src/core/contracts/figures.ts';
import { StylographError } from '../../src/core/errors.ts';
import type { Trainer } from '../../src/runs/child/run.ts';
import type { TrainingEvent, TrainOptions } from '../../src/training/loop.ts';
import { FAULTS } from './faults.ts';

/*
 * Training that takes `latentDim` milliseconds an iteration and nothing else: one weight that depends on every
 * iteration. What it does wrong depends on the run's seed.
 */

const none: LabelledImages = { count: 0, images: new Uint8Array(), labels: new Uint8Array() };
export const fakeDataset: Dataset = {
  info: {
    id: 'mnist',
    name: 'MNIST',
    labels: ['0', '1'].map((name, index) => ({ index, name, count: 0 })),
    width: 28,
    height: 28,
    channels: 1,
    split: { train: 0, validation: 0, test: 0 },
    digest: '0'.repeat(64),
    warnings: [],
    createdAt: null,
  },
  train: none,
  validation: none,
  test: none,
};

function checkFaults(seed: number, iteration: number): void {
  if (seed === FAULTS.crash && iteration === 5) process.kill(process.pid, 'SIGKILL');
  if (seed === FAULTS.diverge && iteration === 5) {
    throw new StylographError('diverged', 'ganLoss stopped being a finite number.');
  }
  // Its event loop gets no turn any more, so that it hears of nothing.
  while (seed === FAULTS.deaf && iteration === 5);
  if (seed === FAULTS.fillDisk && iteration === 5) {
    throw new StylographError('disk_full', 'The disk is full. Free some space.');
  }
}

async function* train({ config, seed, resume, signal }: TrainOptions): AsyncGenerator<TrainingEvent> {
  const { iterations, metricsEvery, sampleEvery, checkpointEvery } = config;
  const due = (iteration: number, every: number): boolean =>
    iteration % every === 0 || iteration === iterations;
  let weight = resume?.weights[0]?.values[0] ?? seed;
  let secondsElapsed = resume?.secondsElapsed ?? 0;
  const weights = () => [{ name: 'w', shape: [1], values: Float32Array.from([weight]) }];
  for (let iteration = (resume?.iteration ?? 0) + 1; iteration <= iterations; iteration++) {
    await new Promise((resolve) => setTimeout(resolve, config.latentDim));
    if (signal.aborted && signal.reason === 'cancel') return;
    checkFaults(seed, iteration);
    weight = Math.fround(weight * 0.9 + iteration);
    secondsElapsed += config.latentDim / 1000;
    yield {
      type: 'progress',
      progress: {
        phase: 'training',
        iteration,
        iterations,
        secondsElapsed,
        secondsRemaining: 1,
        imagesPerSecond: 1,
      },
    };
    if (due(iteration, metricsEvery)) yield { type: 'metrics', iteration, values: { ganLoss: weight } };
    if (due(iteration, sampleEvery)) {
      const sheet = { kind: 'scatter', label: 1, points: new Float32Array(2) } as const;
      yield { type: 'sample', iteration, sheet };
      if (config.figures.frames > 0) yield { type: 'snapshot', iteration, decoder: weights() };
    }
    if (signal.aborted || due(iteration, checkpointEvery)) {
      const counts = {
        iteration,
        batchesDrawn: iteration,
        stepsTaken: iteration,
        secondsElapsed,
        rateScale: 1,
      };
      const state: TrainingState = { ...counts, weights: weights(), optimizer: [], averages: [] };
      yield { type: 'checkpoint', state };
    }
    if (signal.aborted) return;
  }
}

async function* noSheets(): AsyncGenerator<FigureSheet> {}

/** Its films are of pictures as large as those of the dataset, all ink-free. */
export const fakeTrainer: Trainer = {
  train,
  servedWeights: ({ weights }) => weights,
  openDrawings: async ({ record }) => {
    const { width, height, labels } = record.image;
    const { grid } = record.config.figures;
    const frame = () => new Uint8Array(labels.length * grid * grid * width * height);
    return {
      filmed: record.image.labels.length,
      sheets: noSheets,
      frame,
      dispose: () => undefined,
    };
  },
  device: 'cpu',
  software: { fake: '1' },
};
