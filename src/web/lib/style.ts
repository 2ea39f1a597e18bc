import type { AnswerOf, Model } from '../../client/index.ts';
import { client } from './client.ts';
import { type Ink, toPng } from './ink.ts';

/** A label with its picture as base64 PNG, white ink on black. */
export interface Digit {
  label: string;
  png: string;
}

export interface Reading {
  label: string;
  inferred: boolean;
  /** Probability by label, if the label was inferred. */
  scores: Record<string, number> | undefined;
  mean: number[];
}

/** The latent of a drawing. @param label null to infer it */
export async function encodeInk(
  model: Model,
  ink: Ink,
  label: string | null,
  signal?: AbortSignal,
): Promise<Reading> {
  const options = { model: model.id, labels: [label], signal };
  const { latents } = await client.encode([await toPng(ink)], options);
  const { mean, label: read, labelInferred, labelScores } = latents[0]!;
  return { label: read, inferred: labelInferred, scores: labelScores, mean };
}

/** Every label in the style of a drawing. */
export async function transferInk(
  model: Model,
  ink: Ink,
  label: string | null,
  signal: AbortSignal,
): Promise<Digit[]> {
  const options = { model: model.id, labels: [label], signal };
  const { results } = await client.styleTransfer([await toPng(ink)], options);
  return results[0]!.images;
}

/** Images of latents, each with its label. */
export async function decode(
  model: Model,
  latents: { latent: number[]; label: string }[],
  signal?: AbortSignal,
): Promise<Digit[]> {
  return (await client.decode(latents, { model: model.id, signal })).images;
}

/** One latent with every label. */
export const decodeAll = (model: Model, latent: number[], signal?: AbortSignal): Promise<Digit[]> =>
  decode(
    model,
    model.labels.map((label) => ({ latent, label })),
    signal,
  );

/** The image of a label's mean style (latent 0) as base64 PNG, which shows where its ink usually is. */
export async function meanImageOf(model: Model, label: string, signal: AbortSignal): Promise<string> {
  const latent = new Array<number>(model.latentDim).fill(0);
  return (await decode(model, [{ latent, label }], signal))[0]!.png;
}

/** Seeds of the images that `dimensionsByUse` encodes. */
const PROBE_SEEDS = [1, 2, 3];

/**
 * The latent dimensions, most used first. Where the encoder's variance is low, the decoder uses the dimension.
 */
export async function dimensionsByUse(model: Model, signal: AbortSignal): Promise<number[]> {
  const items = PROBE_SEEDS.flatMap((seed) => model.labels.map((label) => ({ label, seed })));
  const { images } = await client.generateMany(items, { model: model.id, signal });
  const { latents } = await client.encode(
    images.map(({ png }) => png),
    { model: model.id, labels: images.map(({ label }) => label), signal },
  );
  const variance = (i: number): number => latents.reduce((sum, { logVar }) => sum + logVar[i]!, 0);
  return Array.from({ length: model.latentDim }, (_, i) => i).sort((a, b) => variance(a) - variance(b));
}

export interface Drawn extends Digit {
  seed: number;
  latent: number[];
}

/** Images of a label from a seed; the seeds of the second and later images derive from it. */
export async function generate(
  model: Model,
  query: { label: string; seed: number; truncation: number; count: number },
  signal?: AbortSignal,
): Promise<Drawn[]> {
  const { images } = await client.generate({ ...query, model: model.id, signal });
  return images.map((image) => ({ ...image, seed: image.seed ?? query.seed }));
}

/** The values of the latent along an axis of the manifold, as the server chooses them: quantiles of the prior. */
export async function manifoldGrid(
  model: Model,
  size: number,
  signal: AbortSignal,
): Promise<AnswerOf<'manifold'>['grid']> {
  return (await client.manifold({ model: model.id, label: model.labels[0]!, size, signal })).grid;
}

/** The address of a generated image, for elements that load it themselves. */
export function imagePath(model: Model, label: string, seed: number, truncation: number): string {
  const query = { model: model.id, label, seed: String(seed), truncation: String(truncation) };
  return `/generate?${new URLSearchParams(query)}`;
}

export const drawSeed = (): number => Math.floor(Math.random() * 1_000_000);
