import { z } from 'zod';
import { Digest, Timestamp } from './common.ts';

export const DatasetId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must hold a-z, 0-9, _ and - only (at most 63)')
  .meta({ description: 'Identifier of a dataset.', example: 'mnist' });

export const DatasetLabel = z
  .strictObject({
    index: z.int().min(0),
    name: z.string(),
    count: z.int().min(0).meta({ description: 'Images of this label, all splits together.' }),
  })
  .meta({ id: 'DatasetLabel' });

/** Sides that images of a dataset may have: squares, multiples of {@link SIDES}.step. */
export const SIDES = { least: 16, most: 64, step: 4 } as const;
export const LABELS = { least: 2, most: 128 } as const;

/** What is known of a dataset without its pixels. */
export const DatasetInfo = z
  .strictObject({
    id: DatasetId,
    name: z.string(),
    labels: z.array(DatasetLabel),
    width: z.int(),
    height: z.int(),
    channels: z.union([z.literal(1), z.literal(3)]),
    split: z.strictObject({ train: z.int(), validation: z.int(), test: z.int() }),
    digest: Digest.meta({ description: 'SHA-256 of images and labels of all splits.' }),
    warnings: z.array(z.string()).meta({
      description: 'What was doubtful about the images when they were uploaded, and what was done.',
    }),
    createdAt: Timestamp.nullable().meta({ description: 'When it was uploaded; null for a built-in one.' }),
  })
  .meta({ id: 'Dataset' });
export type DatasetInfo = z.infer<typeof DatasetInfo>;

const side = z
  .int()
  .min(SIDES.least)
  .max(SIDES.most)
  .refine((value) => value % SIDES.step === 0, `must be a multiple of ${SIDES.step}`);

/** What an upload says of its images besides the files. */
export const DatasetUpload = z.strictObject({
  name: z
    .string()
    .regex(/^[^\p{C}]*$/u, 'must hold no control characters')
    .transform((name) => name.trim())
    .pipe(z.string().min(1).max(100))
    .meta({ description: 'What it is called; its id is made of it.', example: 'Letters' }),
  size: side.optional().meta({
    description: `Side that all images are fitted to. Default: the nearest allowed to what they have.`,
  }),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .optional()
    .meta({ description: '1: grey, 3: colour. Default: grey where all images are.' }),
  polarity: z.enum(['auto', 'keep', 'invert']).default('auto').meta({
    description:
      '`auto` inverts grey drawings that are dark on light, since models draw white on black; `keep` and `invert` do as they say.',
  }),
  labels: z
    .array(z.string())
    .max(LABELS.most)
    .optional()
    .meta({ description: 'Names of labels 0, 1, … of arrays (IDX, NPZ). Default: the numbers.' }),
});
export type DatasetUpload = z.infer<typeof DatasetUpload>;

/** How much an upload may take. */
export interface DatasetLimits {
  /** Bytes of all files as uploaded. */
  fileBytes: number;
  /** Bytes of what archives hold, unpacked. */
  unpackedBytes: number;
  /** Files in an archive, and images in all. */
  images: number;
  /** Bytes and pixels of one image. */
  imageBytes: number;
  imagePixels: number;
  /** Pixels of all images as they come. */
  pixels: number;
  /** Uploads that are taken in at a time. */
  uploads: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_DATASET_LIMITS: DatasetLimits = {
  fileBytes: 512 * MIB,
  unpackedBytes: 2_048 * MIB,
  images: 100_000,
  imageBytes: 8 * MIB,
  imagePixels: 16_000_000,
  pixels: 4_000_000_000,
  uploads: 2,
};

/** Files of an upload that are on the disk already. */
export interface ReceivedDataset {
  fields: DatasetUpload;
  files: { path: string; name: string }[];
}

/** Pixels as bytes, row-major `count × height × width × channels`, 255 is ink; one label index an image. */
export interface LabelledImages {
  readonly count: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export interface Dataset {
  readonly info: DatasetInfo;
  readonly train: LabelledImages;
  readonly validation: LabelledImages;
  readonly test: LabelledImages;
}
