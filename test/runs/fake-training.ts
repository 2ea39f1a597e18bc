import type { TrainingState } from '../../src/core/contracts/checkpoint.ts';
import type { Dataset, LabelledImages } from '../../src/core/contracts/dataset.ts';
import type { FigureSheet } from '../../src/core/contracts/figures.ts';
import { StylographError } from '../../src/core/errors.ts';
import type { Evaluator } from '../../src/runs/child/evaluate.ts';
import type { TrainingEngine } from '../../src/runs/child/train.ts';
import type { TrainingEvent, TrainOptions } from '../../src/training/loop.ts';
import { exampleEvaluation } from '../training/evaluation/example-evaluations.ts';
import { FAULTS } from './faults.ts';

/*
 * Fake training: it takes FAKE_ITERATION_MS milliseconds per iteration and computes one weight that depends on every
 * iteration. The run's seed selects a fault.
 */
const ITERATION_MS = Number(process.env.FAKE_ITERATION_MS ?? 2);

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
  // Blocks the event loop, so that the process receives no message.
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
    await new Promise((resolve) => setTimeout(resolve, ITERATION_MS));
    if (signal.aborted && signal.reason === 'cancel') return;
    checkFaults(seed, iteration);
    weight = Math.fround(weight * 0.9 + iteration);
    secondsElapsed += ITERATION_MS / 1000;
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

/** Its films show blank images of the dataset's size. */
export const fakeEngine: TrainingEngine = {
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
  facts: () => ({ residentBytes: 1, tensors: 1, tensorBytes: 1 }),
};

/** Every checkpoint scores perfectly, and no checkpoint has validation scores. */
export function fakeEvaluator(change: Partial<Evaluator> = {}): Evaluator {
  return {
    prepare: async () => undefined,
    openScorer: async () => ({
      score: async (_served, { iteration }) => ({
        measure: { iteration, diversityRatio: 1, accuracyPerLabel: [1, 1], spreadRatio: 1, activeUnits: 8 },
        validation: undefined,
      }),
      dispose: () => undefined,
    }),
    evaluate: async () => exampleEvaluation(),
    ...change,
  };
}
