import { z } from 'zod';
import { RunId } from '../../contracts/common.ts';
import { TrainingConfig } from '../../contracts/config.ts';
import type { DatasetInfo } from '../../contracts/dataset.ts';
import { type RunRecord, RunRequest } from '../../contracts/run.ts';
import type { NewRun } from '../../queue/runs.ts';
import type { ApiDeps } from '../deps.ts';

export const RunEstimate = z
  .strictObject({
    seconds: z.number().nullable().meta({ description: 'Training time, from a run of the same shape here.' }),
    measuredOn: RunId.nullable().meta({ description: 'The run whose speed was taken.' }),
    reason: z.string().nullable().meta({ description: 'Why there is no estimate of the time.' }),
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

const speedShape = ({ config, dataset }: Pick<RunRecord, 'config' | 'dataset'>): string =>
  JSON.stringify([dataset, ...SPEED_KEYS.map((key) => config[key])]);

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
function countActivations(config: TrainingConfig, { width, height }: DatasetInfo): number {
  const { encoder, decoder, discriminator } = config.networks;
  const [full, half, quarter] = [width * height, (width * height) / 4, (width * height) / 16];
  const enc = half * encoder[0] + quarter * encoder[1];
  const dec = quarter * decoder[0] + half * (decoder[1] + decoder[2]) + full;
  const dis = half * discriminator[0] + quarter * discriminator[1];
  // Pre-activation, activation and dropout mask each; the decoder sees two batches, the discriminator three.
  return 3 * (enc + 2 * dec + 3 * dis);
}

async function measuredSpeed(
  deps: ApiDeps,
  run: NewRun,
): Promise<{ id: string; secondsAnIteration: number } | undefined> {
  const { items } = await deps.runs.list({ limit: LOOK_BACK });
  const shape = speedShape(run);
  const like = items.find(
    (other) =>
      other.progress.iteration >= MIN_ITERATIONS &&
      other.progress.secondsElapsed > 0 &&
      speedShape(other) === shape,
  );
  return like && { id: like.id, secondsAnIteration: like.progress.secondsElapsed / like.progress.iteration };
}

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
    memoryBytes: Math.round(ENGINE_BYTES + 2 * datasetBytes + (copies + 1) * weightBytes + activationBytes),
    checkpointBytes: Math.round(copies * weightBytes),
  };
}

/** What a run will take: time as measured on runs of the same shape, memory by counting. */
export async function estimateRun(
  deps: ApiDeps,
  run: NewRun,
  dataset: DatasetInfo,
): Promise<z.infer<typeof RunEstimate>> {
  const speed = await measuredSpeed(deps, run);
  return {
    seconds: speed ? speed.secondsAnIteration * run.config.iterations : null,
    measuredOn: speed?.id ?? null,
    reason: speed ? null : 'No run of this dataset, batch size and networks has been timed here yet.',
    ...estimateMemory(run.config, dataset),
  };
}
