import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainingConfig } from '../../src/contracts/config.ts';
import type { Diagnosis, Evaluation, Validation } from '../../src/contracts/evaluation.ts';
import type { RunRecord } from '../../src/contracts/run.ts';

/** What is kept of a finished run of a campaign. */
export interface TrialResult {
  name: string;
  why: string;
  state: RunRecord['state'];
  preset: string;
  dataset: string;
  seed: number;
  decoderUpdates: number;
  /** On a machine that did other work as well: a rough guide. */
  trainingSeconds: number;
  error?: RunRecord['error'];
  /** The iteration whose weights were published. */
  published: number | null;
  evaluation: Omit<Evaluation, 'selfTests'> | null;
  /** The evidence of every checkpoint. */
  validations: Validation[];
  diagnoses: Diagnosis[];
  config: TrainingConfig;
  createdAt: string;
}

/** Where campaigns and their results are. */
export const EXPERIMENTS = new URL('../../experiments/', import.meta.url).pathname;

/** Every result of a campaign, by name and seed. Empty when there is none. */
export function readResults(campaign: string): TrialResult[] {
  const folder = join(EXPERIMENTS, 'results', campaign);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as TrialResult)
    .sort((a, b) => a.name.localeCompare(b.name) || a.seed - b.seed);
}

/** How often the decoder's weights are updated in a run whose gates never close early. */
export function decoderUpdates({
  objective,
  iterations,
  warmupIterations,
  innerSteps,
}: TrainingConfig): number {
  if (objective === 'cvae') return iterations;
  const warmup = Math.min(warmupIterations, iterations);
  return warmup + (iterations - warmup) * innerSteps.generator;
}
