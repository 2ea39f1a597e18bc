import { z } from 'zod';

/** The arrays of a picture drawn during training. Pixels are bytes, 255 is ink, images follow each other. */
export type SampleSheet =
  | { kind: 'labels'; pixels: Uint8Array; count: number }
  | { kind: 'reconstructions'; originals: Uint8Array; reconstructions: Uint8Array; count: number }
  /** size × size images, row-major: rows follow the second latent dimension, columns the first. */
  | { kind: 'manifold'; label: number; size: number; pixels: Uint8Array }
  /** `points`: n × 2, the first two dimensions of posterior means. */
  | { kind: 'scatter'; label: number; points: Float32Array };

/** The arrays of a figure of a finished run. */
export type FigureSheet =
  | SampleSheet
  /** `originals`: `columns` source images. `pixels`: one row per label, each source's style in that label. */
  | { kind: 'style-transfer'; label: number; originals: Uint8Array; pixels: Uint8Array; columns: number }
  /** As `scatter`, one group per label. */
  | { kind: 'scatter-all'; groups: Float32Array[] }
  /** Metrics over iterations. */
  | { kind: 'losses'; series: Record<string, [iteration: number, value: number | null][]> };

/** Digits of an iteration in a file name, so that names sort by iteration. */
const ITERATION_DIGITS = 9;

const MEDIA_TYPES = { png: 'image/png', svg: 'image/svg+xml' } as const;
export const FIGURE_TYPES = Object.values(MEDIA_TYPES);

/** A picture of a run, as GET /runs/{id}/figures lists it. */
export const Figure = z
  .strictObject({
    file: z.string().meta({ example: 'manifold-3-000000300.png' }),
    kind: z.string().meta({
      description:
        'Its content: `labels`, `reconstructions`, `manifold`, `scatter`, `style-transfer`, `losses`, …',
      example: 'manifold',
    }),
    label: z
      .int()
      .nullable()
      .meta({ description: 'Index of the label it shows; null for all labels.', example: 3 }),
    iteration: z
      .int()
      .nullable()
      .meta({ description: 'Iteration at which it was drawn; null for the final figures.', example: 300 }),
    scale: z
      .union([z.literal(1), z.literal(2)])
      .meta({ description: 'Device pixels per CSS pixel: 2 is for dense screens and print.' }),
    mediaType: z.enum(FIGURE_TYPES),
    href: z.string(),
  })
  .meta({ id: 'Figure' });
export type Figure = z.infer<typeof Figure>;

/** The parts of a figure's file name. */
export interface FigureName {
  kind: string;
  label?: number | undefined;
  iteration?: number | undefined;
  scale?: 1 | 2 | undefined;
  extension: keyof typeof MEDIA_TYPES;
}

/** `{kind}[-{label}][-{iteration}][@2x].{extension}` */
export function figureFile({ kind, label, iteration, scale = 1, extension }: FigureName): string {
  const parts = [kind];
  if (label !== undefined) parts.push(String(label));
  if (iteration !== undefined) parts.push(String(iteration).padStart(ITERATION_DIGITS, '0'));
  return `${parts.join('-')}${scale === 2 ? '@2x' : ''}.${extension}`;
}

/** The inverse of `figureFile`; undefined for other files. */
export function parseFigureFile(file: string): FigureName | undefined {
  const found = /^([a-z]+(?:-[a-z]+)*)(?:-(\d{1,3}))?(?:-(\d{9}))?(@2x)?\.(png|svg)$/.exec(file);
  if (found === null) return undefined;
  const [, kind = '', label, iteration, dense, extension] = found;
  return {
    kind,
    label: label === undefined ? undefined : Number(label),
    iteration: iteration === undefined ? undefined : Number(iteration),
    scale: dense === undefined ? 1 : 2,
    extension: extension as keyof typeof MEDIA_TYPES,
  };
}

/** The list entry of a run's figure; undefined for other files. */
export function describeFigure(runId: string, file: string): Figure | undefined {
  const name = parseFigureFile(file);
  return (
    name && {
      file,
      kind: name.kind,
      label: name.label ?? null,
      iteration: name.iteration ?? null,
      scale: name.scale ?? 1,
      mediaType: MEDIA_TYPES[name.extension],
      href: `/runs/${runId}/figures/${file}`,
    }
  );
}
