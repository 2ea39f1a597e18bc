import { z } from 'zod';
import { ModelId } from './common.ts';
import type { EngineFacts } from './engine.ts';

export const MAX_GENERATE_COUNT = 400;
export const MAX_GENERATE_IMAGES = 1000;
export const MAX_ENCODE_IMAGES = 256;

/** A label by name or index. */
export const LabelReference = z.union([z.int().min(0).max(127), z.string().min(1).max(64)]).meta({
  id: 'LabelReference',
  description: 'A label by its name, or by its index as text or number. If both fit, the name applies.',
  example: 3,
});
export type LabelReference = z.infer<typeof LabelReference>;

export const Seed = z
  .int()
  .min(0)
  .max(4_294_967_295)
  .meta({ description: 'The same seed, label and model give the same bytes.' });

export const Latent = z
  .array(z.number().min(-1000).max(1000))
  .min(1)
  .max(128)
  .meta({ id: 'Latent', description: "A point in the latent space. Its length is the model's latentDim." });

const Png = z.base64().meta({ description: "A PNG of the dataset's size, white ink on black, as base64." });

export const GeneratedImage = z
  .strictObject({
    label: z.string(),
    seed: Seed.nullable().meta({ description: 'Null when the latent was given.' }),
    latent: Latent,
    png: Png,
  })
  .meta({ id: 'GeneratedImage' });
export type GeneratedImage = z.infer<typeof GeneratedImage>;

export const GeneratedImages = z
  .strictObject({ modelId: ModelId, images: z.array(GeneratedImage) })
  .meta({ id: 'GeneratedImages' });

export const GenerateRequest = z
  .strictObject({
    items: z
      .array(
        z.strictObject({
          label: LabelReference,
          count: z.int().min(1).max(MAX_GENERATE_COUNT).optional(),
          seed: Seed.optional(),
          latent: Latent.optional(),
        }),
      )
      .min(1)
      .max(MAX_GENERATE_IMAGES),
  })
  .meta({ id: 'GenerateRequest', example: { items: [{ label: 3, seed: 7 }] } });

export const ImageInput = z
  .union([
    z.strictObject({ png: z.base64().min(1).meta({ description: 'A PNG, JPEG or WebP file as base64.' }) }),
    z.strictObject({
      pixels: z
        .array(
          z
            .array(z.union([z.number().min(0).max(255), z.array(z.number().min(0).max(255)).length(3)]))
            .min(1),
        )
        .min(1)
        .meta({ description: 'Rows of pixels, 0 to 255; ink is high.' }),
    }),
  ])
  .meta({ id: 'ImageInput' });
export type ImageInput = z.infer<typeof ImageInput>;

export const EncodeRequest = z
  .strictObject({
    images: z.array(ImageInput).min(1).max(MAX_ENCODE_IMAGES),
    labels: z.array(LabelReference.nullable()).optional().meta({
      description: 'One per image. Null or absent labels are inferred.',
    }),
  })
  .meta({ id: 'EncodeRequest' });

export const EncodedImage = z
  .strictObject({
    mean: Latent,
    logVar: z.array(z.number()),
    label: z.string(),
    labelInferred: z.boolean(),
    labelScores: z
      .record(z.string(), z.number())
      .optional()
      .meta({ description: 'Probability of each label, when the label was inferred; the sum is 1.' }),
  })
  .meta({ id: 'EncodedImage' });
export const EncodedImages = z
  .strictObject({ modelId: ModelId, latents: z.array(EncodedImage) })
  .meta({ id: 'EncodedImages' });

export const DecodeRequest = z
  .strictObject({
    latents: z
      .array(z.strictObject({ latent: Latent, label: LabelReference }))
      .min(1)
      .max(MAX_GENERATE_IMAGES),
  })
  .meta({ id: 'DecodeRequest' });

export const Reconstructions = z
  .strictObject({
    modelId: ModelId,
    images: z.array(
      z.strictObject({
        label: z.string(),
        labelInferred: z.boolean(),
        mean: Latent,
        error: z.number().meta({ description: 'Mean squared error of the pixels, on a scale of 0 to 1.' }),
        png: Png,
      }),
    ),
  })
  .meta({ id: 'Reconstructions' });

export const StyleTransferRequest = EncodeRequest.extend({
  targets: z
    .union([z.array(LabelReference).min(1).max(128), z.array(z.array(LabelReference).min(1).max(128)).min(1)])
    .optional()
    .meta({
      description: 'Labels to generate: one list for all images, or one list per image. Default: all labels.',
    }),
  average: z.boolean().optional().meta({
    description:
      'Treats all images as samples of one style: there is a single result, from the mean of their encoded means. Default false: one result per image.',
  }),
}).meta({ id: 'StyleTransferRequest' });

const StyleSource = z.strictObject({ label: z.string(), labelInferred: z.boolean(), mean: Latent });

export const StyleTransfers = z
  .strictObject({
    modelId: ModelId,
    results: z.array(
      z.strictObject({
        source: StyleSource.meta({
          description:
            'The label and encoded mean of the source image. With `average`: the label of the first image and the mean of all images.',
        }),
        sources: z
          .array(StyleSource)
          .optional()
          .meta({ description: 'With `average`: each image with its own mean, in order.' }),
        images: z.array(z.strictObject({ label: z.string(), png: Png })),
      }),
    ),
  })
  .meta({ id: 'StyleTransfers' });

const InterpolationEnd = z.strictObject({
  label: LabelReference,
  latent: Latent.optional(),
  seed: Seed.optional(),
});

export const InterpolateRequest = z
  .strictObject({
    from: InterpolationEnd,
    to: InterpolationEnd,
    steps: z
      .int()
      .min(2)
      .max(100)
      .optional()
      .meta({ description: 'Number of images, both ends included; default 10.' }),
  })
  .meta({
    id: 'InterpolateRequest',
    example: { from: { label: 3, seed: 1 }, to: { label: 3, seed: 2 }, steps: 8 },
  });

export const Manifold = z
  .strictObject({
    modelId: ModelId,
    label: z.string(),
    size: z.int(),
    grid: z
      .array(z.number())
      .meta({ description: 'Values along each of the first two latent dimensions, ascending.' }),
    images: z
      .array(z.array(Png))
      .meta({ description: 'Rows follow the second dimension, columns the first.' }),
  })
  .meta({ id: 'Manifold' });

// ---- Messages between the API and the inference child -------------------------------------------------------

export type NumericArray = Float32Array | Int32Array | Uint8Array;

/** Typed arrays are sent by structured clone ("advanced" IPC serialisation). */
export type ToInferenceChild =
  | { type: 'load'; modelId: string; directory: string }
  | { type: 'unload'; modelId: string }
  | { type: 'decode'; id: number; modelId: string; latents: Float32Array; labels: Int32Array }
  | { type: 'encode'; id: number; modelId: string; images: Uint8Array; labels: Int32Array }
  | { type: 'explain'; id: number; modelId: string; images: Uint8Array };

export type FromInferenceChild =
  | { type: 'ready'; device: string }
  | ({ type: 'facts' } & EngineFacts)
  /** The child cannot start, for instance `engine_missing`, and exits after this message. */
  | { type: 'fatal'; code: string; message: string }
  | { type: 'loaded'; modelId: string }
  | { type: 'load-failed'; modelId: string; code: string; message: string }
  /**
   * `decode` outputs `pixels` (count × height × width × channels), `encode` `mean` and `logVar` (count × latentDim),
   * `explain` `scores` (count × labels, log-evidence of each label).
   */
  | { type: 'computed'; id: number; outputs: Record<string, NumericArray>; computeMs: number }
  | { type: 'failed'; id: number; code: string; message: string };
