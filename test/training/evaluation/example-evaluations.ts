import type { Evaluation, SampleScores, Validation } from '../../../src/core/contracts/evaluation.ts';

const scores: SampleScores = {
  conditionalAccuracy: 0.96,
  frechetDistance: 0.027,
  kid: 0.12,
  precision: 0.8,
  recall: 0.7,
  density: 0.9,
  coverage: 0.74,
  diversityRatio: 0.92,
  sharpnessRatio: 1.01,
};

/** An evaluation as a finished run stores it. */
export function exampleEvaluation(change: Partial<Evaluation> = {}): Evaluation {
  return {
    modelDigest: 'a'.repeat(64),
    split: 'test',
    samples: 2000,
    classifier: { dataset: 'mnist', digest: 'b'.repeat(64), testAccuracy: 0.994 },
    ...scores,
    conditionalAccuracyPerLabel: Array(10).fill(0.96),
    diversityRatioPerLabel: Array(10).fill(0.92),
    confusion: Array.from({ length: 10 }, (_, row) =>
      Array.from({ length: 10 }, (_, i) => (i === row ? 200 : 0)),
    ),
    reconstruction: { mse: 0.03, ssim: 0.8, featureDistance: 4, labelKept: 0.98 },
    styleTransfer: {
      accuracy: 0.99,
      slantCorrelation: 0.89,
      inkCorrelation: 0.73,
      slantControl: 0.01,
      inkControl: 0.02,
    },
    latent: { klPerDimension: Array(8).fill(1.5), activeUnits: 8, probeAccuracy: 0.2 },
    memorisation: { ratio: 1.05, flagged: false },
    selfTests: { 'test against itself': scores },
    seconds: 18.5,
    evaluatedAt: '2026-11-24T12:00:00.000Z',
    ...change,
  };
}

/** Scores of a checkpoint on validation images. */
export const exampleValidation = (iteration: number, frechetJointDistance: number): Validation => ({
  iteration,
  secondsElapsed: iteration / 8,
  samples: 1000,
  frechetJointDistance,
  conditionalAccuracy: 0.95,
  frechetDistance: 0.03,
  coverage: 0.7,
  diversityRatio: 0.9,
  sharpnessRatio: 1,
});
