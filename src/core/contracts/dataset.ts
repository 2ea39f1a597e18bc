import { z } from 'zod';
import { Digest, Timestamp } from './common.ts';

export const DatasetId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'may contain only a-z, 0-9, _ and - (at most 63 characters)')
  .meta({ description: 'Identifier of a dataset.', example: 'mnist' });

export const DatasetLabel = z
  .strictObject({
    index: z.int().min(0),
    name: z.string(),
    count: z.int().min(0).meta({ description: 'Images of this label in all parts of the split.' }),
  })
  .meta({ id: 'DatasetLabel' });

/** Allowed sides of a dataset's square images, in pixels. */
export const SIDES = { least: 16, most: 64, step: 4 } as const;
export const LABELS = { least: 2, most: 128 } as const;

/** The parts of a dataset's split, in the order in which they are stored. */
export const DATASET_PARTS = ['train', 'validation', 'test'] as const;
export type DatasetPart = (typeof DATASET_PARTS)[number];

/** The description of a dataset, without its pixels. */
export const DatasetInfo = z
  .strictObject({
    id: DatasetId,
    name: z.string(),
    labels: z.array(DatasetLabel),
    width: z.int(),
    height: z.int(),
    channels: z.union([z.literal(1), z.literal(3)]),
    split: z.strictObject({ train: z.int(), validation: z.int(), test: z.int() }),
    digest: Digest.meta({ description: 'SHA-256 of the images and labels of all parts.' }),
    warnings: z.array(z.string()).meta({
      description: 'Warnings about the images from their upload, and how they were handled.',
    }),
    createdAt: Timestamp.nullable().meta({
      description: 'When it was uploaded; null for a built-in dataset.',
    }),
  })
  .meta({ id: 'Dataset' });
export type DatasetInfo = z.infer<typeof DatasetInfo>;

const side = z
  .int()
  .min(SIDES.least)
  .max(SIDES.most)
  .refine((value) => value % SIDES.step === 0, `must be a multiple of ${SIDES.step}`);

/** The form fields of an upload besides its files. */
export const DatasetUpload = z.strictObject({
  name: z
    .string()
    .regex(/^[^\p{C}]*$/u, 'must not contain control characters')
    .transform((name) => name.trim())
    .pipe(z.string().min(1).max(100))
    .meta({ description: 'Name of the dataset; its id is derived from it.', example: 'Letters' }),
  size: side.optional().meta({
    description: 'Side to which all images are resized. Default: the allowed side nearest to their own.',
  }),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .optional()
    .meta({ description: '1: grey, 3: colour. Default: grey if all images are grey.' }),
  polarity: z.enum(['auto', 'keep', 'invert']).default('auto').meta({
    description:
      '`auto` inverts grey drawings that are dark on light, because models draw white on black. `keep` never inverts, `invert` always does.',
  }),
  labels: z
    .array(z.string())
    .max(LABELS.most)
    .optional()
    .meta({ description: 'Names of the labels 0, 1, … in arrays (IDX, NPZ). Default: the numbers.' }),
});
export type DatasetUpload = z.infer<typeof DatasetUpload>;

/** Limits of an upload. */
export interface DatasetLimits {
  /** Bytes of all files as uploaded. */
  fileBytes: number;
  /** Bytes of an archive's content, unpacked. */
  unpackedBytes: number;
  /** Files in an archive, and images in total. */
  images: number;
  /** Bytes and pixels per image. */
  imageBytes: number;
  imagePixels: number;
  /** Pixels of all images before they are resized. */
  pixels: number;
  /** Uploads that are imported at the same time. */
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

/** The fields and files of an upload, the files already on disk. */
export interface ReceivedDataset {
  fields: DatasetUpload;
  files: { path: string; name: string }[];
}

/** `images`: count × height × width × channels bytes, 255 is ink; `labels`: one label index per image. */
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
