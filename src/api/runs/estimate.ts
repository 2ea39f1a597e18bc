import { z } from 'zod';
import { RunId } from '../../core/contracts/common.ts';
import { TrainingConfig } from '../../core/contracts/config.ts';
import type { DatasetInfo } from '../../core/contracts/dataset.ts';
import { type RunRecord, RunRequest } from '../../core/contracts/run.ts';
import {
  activationValues,
  architectureOf,
  type NetworkName,
  networksOf,
  sizeOf,
  trainedSpecs,
} from '../../model/architecture.ts';
import type { NewRun } from '../../runs/redis/records.ts';
import type { ApiDeps } from '../deps.ts';

export const RunEstimate = z
  .strictObject({
    seconds: z.number().nullable().meta({
      description: 'Training time, measured on an earlier run of the same configuration on this server.',
    }),
    measuredOn: RunId.nullable().meta({ description: 'The run whose speed the estimate uses.' }),
    reason: z.string().nullable().meta({ description: 'Why the time is not estimated, or only roughly.' }),
    memoryBytes: z.int().meta({ description: 'Peak memory of the run process, approximately.' }),
    checkpointBytes: z.int().meta({ description: 'Size of one checkpoint.' }),
  })
  .meta({ id: 'RunEstimate' });

/** A request with every default filled in, as POST /runs would start it. */
export const ResolvedRun = z
  .strictObject({
    ...RunRequest.pick({ name: true, preset: true, dataset: true, seed: true, from: true, tags: true }).shape,
    config: TrainingConfig,
    estimate: RunEstimate,
  })
  .meta({ id: 'ResolvedRun' });

/** Newest runs that are searched for a measured speed. */
const LOOK_BACK = 200;
/** Iterations before a run's speed is reliable. */
const MIN_ITERATIONS = 5;
/** TensorFlow and Node without data, measured. */
const ENGINE_BYTES = 450e6;

/** The settings that determine how long an iteration takes. */
const SPEED_KEYS = [
  'objective',
  'batchSize',
  'latentDim',
  'networks',
  'batchNorm',
  'spectralNorm',
  'similarityLayer',
  'optimizer',
  'innerSteps',
  'warmupIterations',
] as const satisfies (keyof TrainingConfig)[];

const speedKey = ({ config }: Pick<RunRecord, 'config'>): string =>
  JSON.stringify(SPEED_KEYS.map((key) => config[key]));

interface Speed {
  id: string;
  secondsPerIteration: number;
  /** Why it is rough; null when it was measured on the same dataset. */
  reason: string | null;
}

/** The speed of a run with the same networks: on the same dataset if possible, otherwise scaled by pixels per image. */
async function measuredSpeed(deps: ApiDeps, run: NewRun, dataset: DatasetInfo): Promise<Speed | undefined> {
  const { items } = await deps.runs.list({ limit: LOOK_BACK });
  const key = speedKey(run);
  const alike = items.filter(
    (other) =>
      other.progress.iteration >= MIN_ITERATIONS &&
      other.progress.secondsElapsed > 0 &&
      speedKey(other) === key,
  );
  const like = alike.find((other) => other.dataset === run.dataset) ?? alike[0];
  if (like === undefined) return undefined;
  const { id, progress } = like;
  const secondsPerIteration = progress.secondsElapsed / progress.iteration;
  if (like.dataset === run.dataset) return { id, secondsPerIteration, reason: null };
  const theirs = await deps.datasets.describe(like.dataset).catch(() => undefined);
  if (theirs === undefined) return undefined;
  const factor = (dataset.width * dataset.height) / (theirs.width * theirs.height);
  const reason = `No run on this dataset has been timed here yet. The time is that of a run on ${like.dataset} times ${factor.toFixed(1)}, the ratio of pixels per image.`;
  return { id, secondsPerIteration: factor * secondsPerIteration, reason };
}

/**
 * What grows with the images of a batch, in values per activation: the activation and its gradient. Encoder and similarity see
 * one batch, the decoder two (z and z_p), the discriminator three (x, x̃, x_p).
 */
const VALUES_PER_ACTIVATION = 2;
const BATCHES: Record<NetworkName, number> = { encoder: 1, decoder: 2, discriminator: 3 };

/** Batches that train the reference classifier of an uploaded dataset: at most this many images, and this share of all. */
const CLASSIFIER_BATCH = 128;
const CLASSIFIER_SHARE = 1 / 16;
/** Per pixel of such a batch: 48 channels of results, gradients and intermediate values; measured at 64×64. */
const CLASSIFIER_BYTES = 4 * 48 * 13;

/** Memory that training the reference classifier needs; only uploaded datasets have to train one. */
function classifierBytes({ width, height, split, createdAt }: DatasetInfo): number {
  if (createdAt === null) return 0;
  return CLASSIFIER_BYTES * Math.min(CLASSIFIER_BATCH, CLASSIFIER_SHARE * split.train) * width * height;
}

/**
 * What evaluation and drawing add: the allocator keeps what training used. Measured at 28×28, and at 64×64 in colour.
 */
const AFTER_TRAINING = { bytes: 310e6, bytesPerPixel: 254e3 };

const total = (counts: number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** Memory and disk, counted from the architecture. test/bin/cli/run-memory.long.test.ts compares it with measured peaks. */
export function estimateMemory(
  config: TrainingConfig,
  dataset: DatasetInfo,
): { memoryBytes: number; checkpointBytes: number } {
  const architecture = architectureOf(dataset, config);
  const networks = networksOf(config);
  const { train, validation, test } = dataset.split;
  const pixels = dataset.width * dataset.height;
  const datasetBytes = (train + validation + test) * pixels * dataset.channels;
  const weights = networks.flatMap((network) => trainedSpecs(architecture[network]));
  const weightBytes = 4 * total(weights.map(({ shape }) => sizeOf(shape)));
  const copies = (config.optimizer === 'adam' ? 3 : 2) + (config.decoderAveraging > 0 ? 1 : 0);
  const activations = total(networks.map((name) => BATCHES[name] * activationValues(architecture[name])));
  const batchBytes = 4 * VALUES_PER_ACTIVATION * config.batchSize * activations;
  const trainingBytes = (copies + 1) * weightBytes + batchBytes;
  return {
    memoryBytes: Math.round(
      ENGINE_BYTES +
        2 * datasetBytes +
        Math.max(trainingBytes, classifierBytes(dataset)) +
        AFTER_TRAINING.bytes +
        AFTER_TRAINING.bytesPerPixel * pixels,
    ),
    checkpointBytes: Math.round(copies * weightBytes),
  };
}

/** What a run will take: time from earlier runs of the same configuration, memory by counting. */
export async function estimateRun(
  deps: ApiDeps,
  run: NewRun,
  dataset: DatasetInfo,
): Promise<z.infer<typeof RunEstimate>> {
  const speed = await measuredSpeed(deps, run, dataset);
  return {
    seconds: speed ? speed.secondsPerIteration * run.config.iterations : null,
    measuredOn: speed?.id ?? null,
    reason: speed ? speed.reason : 'No run with this batch size and these networks has been timed here yet.',
    ...estimateMemory(run.config, dataset),
  };
}
