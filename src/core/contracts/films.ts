import { z } from 'zod';
import { Digest } from './common.ts';

/** A label's manifold over training, as stored: what is needed to encode it in any format. */
export const FilmRecord = z.strictObject({
  label: z.int(),
  name: z.string(),
  /** Iterations done at each frame, ascending. */
  iterations: z.array(z.int()),
  /** Images a side of a frame. */
  grid: z.int(),
  /** Of one image, in pixels. */
  width: z.int(),
  height: z.int(),
  channels: z.union([z.literal(1), z.literal(3)]),
  /** Bytes of each packed frame; frames lie one after another. */
  lengths: z.array(z.int()),
});
export type FilmRecord = z.infer<typeof FilmRecord>;

/** A film with its frames: each the grid's images, row by row, deflated. */
export interface PackedFilm {
  record: FilmRecord;
  frames: Uint8Array;
}

/** What was drawn of a finished run, and by what. Its presence says that everything is there. */
export const DrawingRecord = z.strictObject({
  /** Of the weights that figures were drawn from. */
  digest: Digest,
  iteration: z.int(),
  /** What drawing took. */
  seconds: z.number(),
  figures: z.int(),
  films: z.int(),
  /** The machine that trained and drew. */
  environment: z.strictObject({
    device: z.string(),
    cpu: z.string(),
    cores: z.int(),
    memoryBytes: z.int(),
    platform: z.string(),
    software: z.record(z.string(), z.string()),
  }),
});
export type DrawingRecord = z.infer<typeof DrawingRecord>;

export const FILM_TYPES = { mp4: 'video/mp4', webp: 'image/webp', gif: 'image/gif' } as const;
export type FilmFormat = keyof typeof FILM_TYPES;

/** A film as GET /runs/{id}/films lists it. */
export const Film = z
  .strictObject({
    label: z.int().meta({ description: 'Index of the label.' }),
    name: z.string().meta({ description: 'Its name.' }),
    frames: z.int(),
    iterations: z
      .array(z.int())
      .meta({ description: 'Iterations done at each frame; 0 is before training.' }),
    href: z
      .strictObject({ mp4: z.string(), webp: z.string(), gif: z.string() })
      .meta({ description: 'A film is encoded when it is first asked for.' }),
  })
  .meta({ id: 'Film' });
export type Film = z.infer<typeof Film>;
