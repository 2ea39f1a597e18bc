import { z } from 'zod';

/** Messages of the Open Inference Protocol ("v2" of KServe and Triton). The protocol defines their names. */

export const DATATYPES = ['FP32', 'UINT8', 'INT64'] as const;
export type Datatype = (typeof DATATYPES)[number];

const TensorName = z.string().min(1).max(64);
const Shape = z.array(z.int().min(0).max(1_000_000)).min(1).max(8);

const BinarySize = z.int().min(0).optional().meta({
  description:
    'Size in bytes of this tensor, which follows the JSON in the order of the tensors; instead of `data`.',
});

/** Unknown parameters are ignored, except those that would change the form of the answer. */
const unsupported = z
  .undefined({ error: 'is an extension that this server does not support; remove it' })
  .optional();

export const TensorOut = z
  .strictObject({
    name: TensorName,
    datatype: z.enum(DATATYPES),
    shape: z.array(z.int()),
    parameters: z.strictObject({ binary_data_size: z.int() }).optional(),
    data: z.array(z.number()).optional().meta({ description: 'The elements in row-major order.' }),
  })
  .meta({ id: 'InferOutput' });

const Data = z
  .array(z.union([z.number(), z.array(z.unknown())]))
  .meta({ description: 'The elements in row-major order, flat or nested.' });

export const InferInput = z
  .strictObject({
    name: TensorName,
    shape: Shape,
    datatype: z.string().max(16).meta({ description: 'As in the metadata of the model.', example: 'FP32' }),
    parameters: z.object({ binary_data_size: BinarySize, shared_memory_region: unsupported }).optional(),
    data: Data.optional(),
  })
  .meta({ id: 'InferInput' });
export type InferInput = z.infer<typeof InferInput>;

export const InferRequest = z
  .strictObject({
    id: z.string().max(256).optional().meta({ description: 'Returned with the answer.' }),
    parameters: z
      .object({
        binary_data_output: z.boolean().optional().meta({
          description: 'Whether outputs are sent as bytes after the JSON, unless they specify it themselves.',
        }),
      })
      .optional(),
    inputs: z.array(InferInput).min(1).max(8),
    outputs: z
      .array(
        z.strictObject({
          name: TensorName,
          parameters: z
            .object({
              binary_data: z.boolean().optional(),
              classification: unsupported,
              shared_memory_region: unsupported,
            })
            .optional(),
        }),
      )
      .max(8)
      .optional()
      .meta({ description: 'Outputs to return; all when not given.' }),
  })
  .meta({
    id: 'InferRequest',
    example: {
      inputs: [
        { name: 'latent', datatype: 'FP32', shape: [1, 4], data: [0, 0, 0, 0] },
        { name: 'label', datatype: 'INT64', shape: [1], data: [3] },
      ],
    },
  });
export type InferRequest = z.infer<typeof InferRequest>;

export const InferResponse = z
  .strictObject({
    model_name: z.string(),
    model_version: z.string().meta({ description: 'The id of the model that answered.' }),
    id: z.string().optional(),
    outputs: z.array(TensorOut),
  })
  .meta({ id: 'InferResponse' });

const TensorMetadata = z
  .strictObject({
    name: z.string(),
    datatype: z.enum(DATATYPES),
    shape: z.array(z.int()).meta({ description: '-1 for any size.' }),
  })
  .meta({ id: 'TensorMetadata' });
export type TensorMetadata = z.infer<typeof TensorMetadata>;

export const ServedModel = z
  .strictObject({
    name: z.string(),
    versions: z.array(z.string()).meta({ description: 'Aliases, then model ids, newest first.' }),
    platform: z.string(),
    inputs: z.array(TensorMetadata),
    outputs: z.array(TensorMetadata),
  })
  .meta({ id: 'ServedModel' });
export type ServedModel = z.infer<typeof ServedModel>;

export const InferenceServer = z
  .strictObject({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ id: 'InferenceServer' });

export const ServerLive = z.strictObject({ live: z.boolean() }).meta({ id: 'ServerLive' });
export const ServerReady = z.strictObject({ ready: z.boolean() }).meta({ id: 'ServerReady' });
export const ModelReady = z.strictObject({ name: z.string(), ready: z.boolean() }).meta({ id: 'ModelReady' });

export const InferenceError = z
  .strictObject({ error: z.string().meta({ description: 'What happened, and how to fix it.' }) })
  .meta({ id: 'InferenceError', description: 'An error, as the Open Inference Protocol defines it.' });
