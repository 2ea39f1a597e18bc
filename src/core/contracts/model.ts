import { z } from 'zod';
import { Alias, Digest, ModelId, RunId, Timestamp } from './common.ts';
import { TrainingConfig } from './config.ts';
import { DatasetId } from './dataset.ts';
import { Evaluation } from './evaluation.ts';

/** Size of a model's images, and its labels. */
export const ImageSpec = z
  .strictObject({
    width: z.int(),
    height: z.int(),
    channels: z.union([z.literal(1), z.literal(3)]),
    labels: z.array(z.string()).meta({ description: 'Label names; the position is the label index.' }),
  })
  .meta({ id: 'ImageSpec' });
export type ImageSpec = z.infer<typeof ImageSpec>;

/** What is stored with a model's weights; readable without TensorFlow. */
export const ModelRecord = z.strictObject({
  id: ModelId,
  runId: RunId,
  preset: z.string(),
  dataset: DatasetId,
  iteration: z.int(),
  latentDim: z.int(),
  image: ImageSpec,
  config: TrainingConfig,
  digest: Digest.meta({ description: 'SHA-256 of the weights as served.' }),
  evaluation: Evaluation.optional(),
  createdAt: Timestamp,
});
export type ModelRecord = z.infer<typeof ModelRecord>;

export const Model = z
  .strictObject({
    id: ModelId,
    runId: RunId,
    preset: z.string(),
    dataset: DatasetId,
    iteration: z.int(),
    latentDim: z.int(),
    labels: z.array(z.string()),
    image: ImageSpec,
    config: TrainingConfig,
    digest: Digest,
    evaluation: Evaluation.optional(),
    aliases: z.array(Alias),
    createdAt: Timestamp,
  })
  .meta({ id: 'Model' });
export type Model = z.infer<typeof Model>;

/** One tensor as stored: 32-bit floats, row-major, little-endian. */
export interface NamedWeights {
  name: string;
  shape: number[];
  values: Float32Array;
}
