import { call, getJson, sendJson } from './api.ts';
import type { Encoded, Generated, Model, Transferred } from './contract.ts';
import { type Ink, toPng } from './ink.ts';

/** A label with its picture as base64 PNG, white ink on black. */
export interface Digit {
  label: string;
  png: string;
}

export interface Reading {
  label: string;
  inferred: boolean;
  /** Share of belief by label, where the label was inferred. */
  scores: Record<string, number> | undefined;
  mean: number[];
}

const query = (model: Model, label: string | null): string =>
  `?model=${model.id}${label === null ? '' : `&label=${encodeURIComponent(label)}`}`;

async function postInk<T>(path: string, ink: Blob, signal: AbortSignal | undefined): Promise<T> {
  return (await (await call(path, { body: ink, signal })).json()) as T;
}

/** Where a drawing lies in the latent space. @param label null to have it inferred */
export async function encodeInk(
  model: Model,
  ink: Ink,
  label: string | null,
  signal?: AbortSignal,
): Promise<Reading> {
  const { latents } = await postInk<Encoded>(`/encode${query(model, label)}`, await toPng(ink), signal);
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
  const path = `/style-transfer${query(model, label)}`;
  const { results } = await postInk<Transferred>(path, await toPng(ink), signal);
  return results[0]!.images;
}

/** Images of latents, each under its label. */
export async function decode(
  model: Model,
  latents: { latent: number[]; label: string }[],
  signal?: AbortSignal,
): Promise<Digit[]> {
  const { images } = await sendJson<Generated>(`/decode?model=${model.id}`, { latents }, { signal });
  return images;
}

/** One latent under every label. */
export const decodeAll = (model: Model, latent: number[], signal?: AbortSignal): Promise<Digit[]> =>
  decode(
    model,
    model.labels.map((label) => ({ latent, label })),
    signal,
  );

/** A label in the middle of all styles, as base64 PNG: where its ink usually lies. */
export async function middleOf(model: Model, label: string, signal: AbortSignal): Promise<string> {
  const latent = new Array<number>(model.latentDim).fill(0);
  return (await decode(model, [{ latent, label }], signal))[0]!.png;
}

/** Digits that tell what dimensions are used for: one of every label from these seeds. */
const PROBE_SEEDS = [1, 2, 3];

/**
 * The dimensions of style from the one that tells most to the one that tells least: where the encoder is sure of its
 * value, it is one that the decoder listens to.
 */
export async function dimensionsByUse(model: Model, signal: AbortSignal): Promise<number[]> {
  const items = PROBE_SEEDS.flatMap((seed) => model.labels.map((label) => ({ label, seed })));
  const { images } = await sendJson<Generated>(`/generate?model=${model.id}`, { items }, { signal });
  const body = { images: images.map(({ png }) => ({ png })), labels: images.map(({ label }) => label) };
  const { latents } = await sendJson<Encoded>(`/encode?model=${model.id}`, body, { signal });
  const doubt = (i: number): number => latents.reduce((sum, { logVar }) => sum + logVar[i]!, 0);
  return Array.from({ length: model.latentDim }, (_, i) => i).sort((a, b) => doubt(a) - doubt(b));
}

export interface Drawn extends Digit {
  seed: number;
  latent: number[];
}

/** Images of a label from a seed; those after the first have seeds that derive from it. */
export async function generate(
  model: Model,
  { label, seed, truncation, count }: { label: string; seed: number; truncation: number; count: number },
  signal?: AbortSignal,
): Promise<Drawn[]> {
  const wish = `label=${encodeURIComponent(label)}&seed=${seed}&truncation=${truncation}&count=${count}`;
  const path = `/generate?model=${model.id}&${wish}&format=json`;
  const { images } = await getJson<Generated>(path, signal);
  return images.map((image) => ({ ...image, seed: image.seed ?? seed }));
}

export const drawSeed = (): number => Math.floor(Math.random() * 1_000_000);
