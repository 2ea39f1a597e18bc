import type { TrainingState } from '../../src/contracts/checkpoint.ts';
import type { Dataset, LabelledImages } from '../../src/contracts/dataset.ts';
import type { FigureSheet } from '../../src/contracts/figures.ts';
import { StylographError } from '../../src/errors.ts';
import { serveRunChild } from '../../src/runner/process.ts';
import type { TrainingEvent, TrainOptions } from '../../src/training/loop.ts';
import { someEvaluator } from '../evaluation/some.ts';
import { FAULTS } from './faults.ts';

/*
 * A run child whose training takes `latentDim` milliseconds an iteration and nothing else. What it does wrong
 * depends on the run's seed.
 */

const none: LabelledImages = { count: 0, images: new Uint8Array(), labels: new Uint8Array() };
const dataset: Dataset = {
  info: {
    id: 'mnist',
    name: 'MNIST',
    labels: ['0', '1'].map((name, index) => ({ index, name, count: 0 })),
    width: 28,
    height: 28,
    channels: 1,
    split: { train: 0, validation: 0, test: 0 },
    digest: '0'.repeat(64),
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
    }
    if (signal.aborted || due(iteration, checkpointEvery)) {
      const weights = [{ name: 'w', shape: [1], values: Float32Array.from([weight]) }];
      const counts = {
        iteration,
        batchesDrawn: iteration,
        stepsTaken: iteration,
        secondsElapsed,
        rateScale: 1,
      };
      const state: TrainingState = { ...counts, weights, optimizer: [], averages: [] };
      yield { type: 'checkpoint', state };
    }
    if (signal.aborted) return;
  }
}

async function* noSheets(): AsyncGenerator<FigureSheet> {}

serveRunChild({
  loadDataset: async () => dataset,
  drawSample: async () => ({ kind: 'scatter', label: 1, png: new Uint8Array([1, 2, 3]) }),
  loadEvaluator: async () => someEvaluator(),
  drawFigures: async () => [],
  loadTrainer: async () => ({
    train,
    servedWeights: ({ weights }) => weights,
    openDrawings: async () => ({ sheets: noSheets, frame: () => new Uint8Array(), dispose: () => undefined }),
    device: 'cpu',
    software: { fake: '1' },
  }),
});
