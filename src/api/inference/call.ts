import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ModelReference } from '../../core/contracts/common.ts';
import type { LabelReference } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { type ErrorCode, StylographError } from '../../core/errors.ts';
import { splitImages } from '../../data/images/tiling.ts';
import type { Inference, Timings } from '../../serving/client.ts';
import { clientSignal, type RouteDeps } from '../context.ts';
import type { ApiLimits } from '../deps.ts';

export const ModelQuery = {
  model: z
    .string()
    .min(1)
    .max(64)
    .default('latest')
    .meta({ description: ModelReference.meta()?.description ?? '', example: 'latest' }),
};

export const LabelQuery = {
  label: z.string().min(1).max(64).meta({ description: 'A label by name, or else by index.', example: '3' }),
};

/** Errors of every call that waits for the inference process. */
export const CALL_CODES = [
  'queue_full',
  'model_loading',
  'inference_unavailable',
  'shutting_down',
  'deadline_exceeded',
  'inference_failed',
] as const satisfies ErrorCode[];

/** A latent to decode. */
export interface DecodeInput {
  /** Index. */
  label: number;
  latent: Float32Array;
  /** The seed that the latent was drawn from; null when the client gave the latent. */
  seed: number | null;
  /** Factor of the standard deviation that the latent was drawn with. */
  truncation?: number;
}

export interface DecodedImage extends DecodeInput {
  pixels: Uint8Array;
}

/** An image in the model's form, to encode. */
export interface EncodeInput {
  pixels: Uint8Array;
  /** Index. */
  label: number;
  /** The client gave no label. */
  labelInferred: boolean;
  /** Probability of each label, when it was inferred. */
  scores?: Float64Array;
}

/** An image with the mean and log-variance of its posterior. */
export interface EncodedImage extends EncodeInput {
  mean: Float32Array;
  logVar: Float32Array;
}

/** Labels that an error message lists at most. */
const MOST_LISTED = 20;

/** One inference request: the model that answers it, and the time its batches took. */
export class InferenceCall {
  /** The id or alias by which the client named the model. */
  readonly reference: string;
  readonly model: ModelRecord;
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal;
  readonly limits: ApiLimits;
  readonly #inference: Inference;
  #queueMs = 0;
  #computeMs = 0;

  constructor(
    { inference, limits }: Pick<RouteDeps, 'inference' | 'limits'>,
    { reference, model, signal }: Pick<InferenceCall, 'reference' | 'model' | 'signal'>,
  ) {
    this.reference = reference;
    this.model = model;
    this.signal = signal;
    this.limits = limits;
    this.#inference = inference;
  }

  /** Index of a label given by name, or else by index, as text or number. @throws invalid_label listing the labels */
  labelIndex(reference: LabelReference): number {
    const { id, image } = this.model;
    const { labels } = image;
    const named = labels.indexOf(String(reference));
    if (named >= 0) return named;
    const index =
      typeof reference === 'number' ? reference : /^\d{1,3}$/.test(reference) ? Number(reference) : -1;
    if (index >= 0 && index < labels.length) return index;
    const names = labels.slice(0, MOST_LISTED).map((name) => JSON.stringify(name));
    const unlisted = labels.length - MOST_LISTED;
    const more = unlisted > 0 ? ` and ${unlisted} more (GET /models/${id} lists them)` : '';
    throw new StylographError(
      'invalid_label',
      `${id} has no label ${JSON.stringify(reference)}; its labels are ${names.join(', ')}${more}.`,
    );
  }

  /** A latent of the model's length. @throws invalid_latent */
  checkedLatent(latent: readonly number[]): Float32Array {
    const { id, latentDim } = this.model;
    if (latent.length === latentDim) return Float32Array.from(latent);
    throw new StylographError(
      'invalid_latent',
      `A latent of ${id} has ${latentDim} numbers, but ${latent.length} were given.`,
    );
  }

  /** Decodes the inputs, in their order. @throws too_many_images, and what inference throws */
  async decode(inputs: readonly DecodeInput[]): Promise<DecodedImage[]> {
    const { model, signal } = this;
    if (inputs.length > this.limits.callImages) {
      throw new StylographError(
        'too_many_images',
        `The call asks for ${inputs.length} images; the most per call is ${this.limits.callImages}. Split it into several calls.`,
      );
    }
    const latents = new Float32Array(inputs.length * model.latentDim);
    inputs.forEach(({ latent }, i) => {
      latents.set(latent, i * model.latentDim);
    });
    const labels = Int32Array.from(inputs, ({ label }) => label);
    const { pixels, timings } = await this.#inference.decode(model, latents, labels, { signal });
    this.#count(timings);
    const images = splitImages(pixels, inputs.length);
    return inputs.map((input, i) => ({ ...input, pixels: images[i]! }));
  }

  /** Encodes each image under its label. */
  async encode(inputs: readonly EncodeInput[]): Promise<EncodedImage[]> {
    const { model, signal } = this;
    const labels = Int32Array.from(inputs, ({ label }) => label);
    const { mean, logVar, timings } = await this.#inference.encode(model, joinPixels(inputs), labels, {
      signal,
    });
    this.#count(timings);
    const row = (values: Float32Array, i: number): Float32Array =>
      values.subarray(i * model.latentDim, (i + 1) * model.latentDim);
    return inputs.map((input, i) => ({ ...input, mean: row(mean, i), logVar: row(logVar, i) }));
  }

  /** Sets the label of every image without one to the label under which the model explains the image best. */
  async inferLabels(inputs: readonly EncodeInput[]): Promise<void> {
    const { model, signal } = this;
    const unlabelled = inputs.filter(({ labelInferred }) => labelInferred);
    if (unlabelled.length === 0) return;
    const { scores, timings } = await this.#inference.explain(model, joinPixels(unlabelled), { signal });
    this.#count(timings);
    const labels = model.image.labels.length;
    for (const [i, input] of unlabelled.entries()) {
      input.scores = softmax(scores.subarray(i * labels, (i + 1) * labels));
      input.label = input.scores.indexOf(Math.max(...input.scores));
    }
  }

  /** The Server-Timing header, with the time that writing the answer took. */
  serverTiming(encodeMs: number): string {
    const parts = { queue: this.#queueMs, compute: this.#computeMs, encode: encodeMs };
    return Object.entries(parts)
      .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
      .join(', ');
  }

  #count({ queueMs, computeMs }: Timings): void {
    this.#queueMs += queueMs;
    this.#computeMs += computeMs;
  }
}

/** Chooses the model and names it in the X-Model-Id header. @throws no_model, model_not_found, store_unavailable */
export async function startCall(
  deps: RouteDeps,
  reply: FastifyReply,
  reference: string,
): Promise<InferenceCall> {
  const signal = clientSignal(reply);
  const model = await deps.chooser.choose(reference);
  reply.header('x-model-id', model.id);
  return new InferenceCall(deps, { reference, model, signal });
}

const joinPixels = (inputs: readonly EncodeInput[]): Uint8Array =>
  Buffer.concat(inputs.map(({ pixels }) => pixels));

/** Probabilities of the labels from their log-evidences. */
function softmax(scores: Float32Array): Float64Array {
  const highest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const shares = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / sum);
}
