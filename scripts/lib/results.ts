import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StylographClient } from '../../src/client/index.ts';
import type { TrainingConfig } from '../../src/core/contracts/config.ts';
import type { Diagnosis, Evaluation, Validation } from '../../src/core/contracts/evaluation.ts';
import type { RunRecord } from '../../src/core/contracts/run.ts';

/** The stored result of a finished run of a campaign. */
export interface TrialResult {
  name: string;
  why: string;
  state: RunRecord['state'];
  preset: string;
  dataset: string;
  seed: number;
  decoderUpdates: number;
  /** A rough value: the machine may have done other work as well. */
  trainingSeconds: number;
  /** From the start of the run to `succeeded`, with evaluation, pictures and publishing. */
  wholeSeconds?: number;
  error?: RunRecord['error'];
  /** The iteration whose weights were published. */
  published: number | null;
  evaluation: Omit<Evaluation, 'selfTests'> | null;
  /** The validation scores of every checkpoint. */
  validations: Validation[];
  diagnoses: Diagnosis[];
  config: TrainingConfig;
  createdAt: string;
}

/** The folder of campaigns and their results. */
export const EXPERIMENTS = new URL('../../experiments/', import.meta.url).pathname;

/** The result of a finished run. */
export async function resultOf(
  { runs, models }: StylographClient,
  runId: string,
  { name, why }: Pick<TrialResult, 'name' | 'why'>,
): Promise<TrialResult> {
  const run = (await runs.get(runId)) as RunRecord;
  const validations: Validation[] = [];
  for await (const event of runs.follow(runId)) {
    if (event.type === 'validation') validations.push(event.data);
  }
  const { preset, dataset, seed, config, progress, state, error, diagnoses = [], createdAt } = run;
  const { selfTests: _, ...evaluation } = run.evaluation ?? { selfTests: {} };
  const { startedAt, finishedAt, modelId } = run;
  return {
    ...{ name, why, state, preset, dataset, seed },
    decoderUpdates: decoderUpdates(config),
    trainingSeconds: Math.round(progress.secondsElapsed),
    ...(startedAt && finishedAt && { wholeSeconds: (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000 }),
    error,
    published: modelId === undefined ? null : (await models.get(modelId)).iteration,
    evaluation: run.evaluation ? (evaluation as TrialResult['evaluation']) : null,
    ...{ validations, diagnoses, config, createdAt },
  };
}

export function writeResult(file: string, result: TrialResult): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
}

/** Every result of a campaign, sorted by name and seed. */
export function readResults(campaign: string): TrialResult[] {
  const folder = join(EXPERIMENTS, 'results', campaign);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as TrialResult)
    .sort((a, b) => a.name.localeCompare(b.name) || a.seed - b.seed);
}

/** Number of updates of the decoder's weights, if no gate skips an update. */
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
