import { z } from 'zod';
import { Digest } from './common.ts';

/** A label's manifold over training as stored, before it is encoded in a format. */
export const FilmRecord = z.strictObject({
  label: z.int(),
  name: z.string(),
  /** Completed iterations at each frame, ascending. */
  iterations: z.array(z.int()),
  /** Images per side of a frame. */
  grid: z.int(),
  /** Pixels of one image. */
  width: z.int(),
  height: z.int(),
  channels: z.union([z.literal(1), z.literal(3)]),
  /** Bytes of each packed frame; frames follow each other. */
  lengths: z.array(z.int()),
});
export type FilmRecord = z.infer<typeof FilmRecord>;

/** A film with its frames. Each frame is the deflated images of the grid, row by row. */
export interface PackedFilm {
  record: FilmRecord;
  frames: Uint8Array;
}

/** Describes the figures and films of a finished run. It is written last: if it exists, they are complete. */
export const DrawingRecord = z.strictObject({
  /** Digest of the weights that the figures show. */
  digest: Digest,
  iteration: z.int(),
  /** Duration of drawing. */
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
    name: z.string().meta({ description: 'Name of the label.' }),
    frames: z.int(),
    iterations: z
      .array(z.int())
      .meta({ description: 'Completed iterations at each frame; 0 is before training.' }),
    href: z
      .strictObject({ mp4: z.string(), webp: z.string(), gif: z.string() })
      .meta({ description: 'A film is encoded at its first request.' }),
  })
  .meta({ id: 'Film' });
export type Film = z.infer<typeof Film>;
