import { z } from 'zod';
import { Digest } from './common.ts';

export const BUILT_IN_DATASETS = ['mnist', 'fashion-mnist'] as const;

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
    digest: Digest,
  })
  .meta({ id: 'Dataset' });
export type DatasetInfo = z.infer<typeof DatasetInfo>;

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
