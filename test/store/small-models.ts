import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { TrainingState } from '../../src/core/contracts/checkpoint.ts';
import { newModelId, newRunId } from '../../src/core/contracts/common.ts';
import type { ModelRecord, NamedWeights } from '../../src/core/contracts/model.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { weightsDigest } from '../../src/store/index.ts';

/** A folder that is removed after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stylograph-test-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return folder;
}

export const someWeights = (first = 0): NamedWeights[] => [
  { name: 'encoder/dense/kernel', shape: [2, 3], values: Float32Array.from([first, 1, 2, 3, 4, 5]) },
  { name: 'decoder/dense/bias', shape: [], values: Float32Array.from([0.1]) },
];

export const someState = (iteration: number): TrainingState => ({
  iteration,
  batchesDrawn: iteration * 2,
  stepsTaken: iteration * 3,
  secondsElapsed: iteration / 8,
  rateScale: 1,
  weights: someWeights(iteration),
  optimizer: [{ name: 'encoder/dense/kernel', shape: [6], values: new Float32Array(6).fill(iteration) }],
  averages: [],
});

export function someModel(change: { dataset?: string; preset?: 'quick' | 'cvae' } = {}): {
  record: ModelRecord;
  weights: NamedWeights[];
} {
  const { dataset = 'mnist', preset = 'quick' } = change;
  const weights = someWeights();
  const config = resolveConfig(preset);
  const record: ModelRecord = {
    id: newModelId(),
    runId: newRunId(),
    preset,
    dataset,
    iteration: config.iterations,
    latentDim: config.latentDim,
    image: { width: 28, height: 28, channels: 1, labels: ['0', '1'] },
    config,
    digest: weightsDigest(weights),
    createdAt: new Date().toISOString(),
  };
  return { record, weights };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
