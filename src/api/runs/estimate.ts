import { z } from 'zod';
import { RunId } from '../../core/contracts/common.ts';
import { TrainingConfig } from '../../core/contracts/config.ts';
import type { DatasetInfo } from '../../core/contracts/dataset.ts';
import { type RunRecord, RunRequest } from '../../core/contracts/run.ts';
import type { NewRun } from '../../runs/redis/run-store.ts';
import type { ApiDeps } from '../deps.ts';

export const RunEstimate = z
  .strictObject({
    seconds: z.number().nullable().meta({ description: 'Training time, from a run of the same shape here.' }),
    measuredOn: RunId.nullable().meta({ description: 'The run whose speed was taken.' }),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'Why there is no estimate of the time, or why it is rough.' }),
    memoryBytes: z.int().meta({ description: 'Roughly what the run process will hold at its peak.' }),
    checkpointBytes: z.int().meta({ description: 'Size of one checkpoint.' }),
  })
  .meta({ id: 'RunEstimate' });

/** A request as POST /runs would have taken it. */
export const ResolvedRun = z
  .strictObject({
    ...RunRequest.pick({ name: true, preset: true, dataset: true, seed: true, from: true, tags: true }).shape,
    config: TrainingConfig,
    estimate: RunEstimate,
  })
  .meta({ id: 'ResolvedRun' });

/** Runs looked at for their speed. */
const LOOK_BACK = 200;
/** Iterations before a speed is worth anything. */
const MIN_ITERATIONS = 5;
/** TensorFlow and Node with nothing loaded, measured. */
const ENGINE_BYTES = 450e6;

/** What decides how long an iteration takes. */
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

const speedShape = ({ config }: Pick<RunRecord, 'config'>): string =>
  JSON.stringify(SPEED_KEYS.map((key) => config[key]));

/** Trainable numbers of the three networks, as the article builds them. */
function countWeights(config: TrainingConfig, { width, height, channels, labels }: DatasetInfo): number {
  const { encoder, decoder, discriminator } = config.networks;
  const spots = (width / 4) * (height / 4);
  const y = labels.length;
  const conv = (size: number, from: number, to: number): number => (size * size * from + 1) * to;
  const dense = (from: number, to: number): number => (from + 1) * to;
  const encoderWeights =
    conv(3, channels, encoder[0]) +
    conv(3, encoder[0], encoder[1]) +
    dense(spots * encoder[1] + y, encoder[2]) +
    2 * dense(encoder[2], config.latentDim);
  const decoderWeights =
    dense(config.latentDim + y, spots * decoder[0]) +
    conv(5, decoder[0], decoder[1]) +
    conv(3, decoder[1], decoder[2]) +
    conv(5, decoder[2], channels);
  const discriminatorWeights =
    conv(7, channels, discriminator[0]) +
    conv(3, discriminator[0] + y, discriminator[1]) +
    conv(3, discriminator[1], discriminator[2]) +
    dense((spots / 4) * discriminator[1], 1);
  return encoderWeights + decoderWeights + (config.objective === 'cvae' ? 0 : discriminatorWeights);
}

/** Activations that a joint step keeps for its gradients, all three networks, in numbers an image. */
function countActivations(config: TrainingConfig, { width, height, channels }: DatasetInfo): number {
  const { encoder, decoder, discriminator } = config.networks;
  const [full, half, quarter] = [width * height, (width * height) / 4, (width * height) / 16];
  const enc = half * encoder[0] + quarter * encoder[1];
  const dec = quarter * decoder[0] + half * (decoder[1] + decoder[2]) + full * channels;
  const dis = half * discriminator[0] + quarter * discriminator[1];
  // Pre-activation, activation and dropout mask each; the decoder sees two batches, the discriminator three.
  return 3 * (enc + 2 * dec + 3 * dis);
}

interface Speed {
  id: string;
  secondsAnIteration: number;
  /** How much of it was not measured. */
  reason: string | null;
}

/** Of a run of the same networks, on the same dataset if there is one, else by how many more pixels its images have. */
async function measuredSpeed(deps: ApiDeps, run: NewRun, dataset: DatasetInfo): Promise<Speed | undefined> {
  const { items } = await deps.runs.list({ limit: LOOK_BACK });
  const shape = speedShape(run);
  const alike = items.filter(
    (other) =>
      other.progress.iteration >= MIN_ITERATIONS &&
      other.progress.secondsElapsed > 0 &&
      speedShape(other) === shape,
  );
  const like = alike.find((other) => other.dataset === run.dataset) ?? alike[0];
  if (like === undefined) return undefined;
  const { id, progress } = like;
  const secondsAnIteration = progress.secondsElapsed / progress.iteration;
  if (like.dataset === run.dataset) return { id, secondsAnIteration, reason: null };
  const theirs = await deps.datasets.describe(like.dataset).catch(() => undefined);
  if (theirs === undefined) return undefined;
  const factor = (dataset.width * dataset.height) / (theirs.width * theirs.height);
  const reason = `No run of this dataset has been timed here yet: taken from one of ${like.dataset}, times ${factor.toFixed(1)} for the pixels.`;
  return { id, secondsAnIteration: factor * secondsAnIteration, reason };
}

/** Of the batches in which the classifier of an uploaded dataset is trained: at most so many images, a 16th of all. */
const JUDGE_BATCH = 128;
const JUDGE_SHARE = 1 / 16;
/** Bytes a pixel of a batch: 48 channels of results, gradients and what lies between them; measured at 64×64. */
const JUDGE_BYTES = 4 * 48 * 13;

/** What training that classifier holds; others are there already. */
function judgeBytes({ width, height, split, createdAt }: DatasetInfo): number {
  if (createdAt === null) return 0;
  return JUDGE_BYTES * Math.min(JUDGE_BATCH, JUDGE_SHARE * split.train) * width * height;
}

/** What evaluation and drawing add to that, since the allocator keeps what training held; measured at 28×28 and at 64×64 in colour. */
const AFTERWARDS = { bytes: 310e6, bytesAPixel: 254e3 };

/** Memory and disk by counting what the networks hold. */
export function estimateMemory(
  config: TrainingConfig,
  dataset: DatasetInfo,
): { memoryBytes: number; checkpointBytes: number } {
  const { train, validation, test } = dataset.split;
  const datasetBytes = (train + validation + test) * dataset.width * dataset.height * dataset.channels;
  const weightBytes = 4 * countWeights(config, dataset);
  const copies = (config.optimizer === 'adam' ? 3 : 2) + (config.decoderAveraging > 0 ? 1 : 0);
  const activationBytes = 4 * config.batchSize * countActivations(config, dataset);
  return {
    memoryBytes: Math.round(
      ENGINE_BYTES +
        2 * datasetBytes +
        Math.max((copies + 1) * weightBytes + activationBytes, judgeBytes(dataset)) +
        AFTERWARDS.bytes +
        AFTERWARDS.bytesAPixel * dataset.width * dataset.height,
    ),
    checkpointBytes: Math.round(copies * weightBytes),
  };
}

/** What a run will take: time as measured on runs of the same shape, memory by counting. */
export async function estimateRun(
  deps: ApiDeps,
  run: NewRun,
  dataset: DatasetInfo,
): Promise<z.infer<typeof RunEstimate>> {
  const speed = await measuredSpeed(deps, run, dataset);
  return {
    seconds: speed ? speed.secondsAnIteration * run.config.iterations : null,
    measuredOn: speed?.id ?? null,
    reason: speed ? speed.reason : 'No run of this batch size and these networks has been timed here yet.',
    ...estimateMemory(run.config, dataset),
  };
}
