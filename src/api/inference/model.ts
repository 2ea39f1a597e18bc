import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ModelReference } from '../../contracts/common.ts';
import type { LabelReference } from '../../contracts/inference.ts';
import type { ModelRecord } from '../../contracts/model.ts';
import { StylographError } from '../../errors.ts';
import type { Timings } from '../../serving/client.ts';
import type { ApiDeps } from '../deps.ts';

export const ModelQuery = {
  model: z
    .string()
    .min(1)
    .max(64)
    .default('latest')
    .meta({
      description: ModelReference.meta()?.description ?? '',
      example: 'latest',
    }),
};

/** The model a call asks for, named in the answer. @throws no_model, model_not_found */
export async function chosenModel(
  deps: ApiDeps,
  reference: string,
  reply: FastifyReply,
): Promise<ModelRecord> {
  const record = await deps.models.record(reference);
  reply.header('x-model-id', record.id);
  return record;
}

/** Index of a label given by name, or else by index. @throws invalid_label naming those there are */
export function labelIndex(model: ModelRecord, reference: LabelReference): number {
  const { labels } = model.image;
  if (typeof reference === 'string') {
    const named = labels.indexOf(reference);
    if (named >= 0) return named;
  }
  const index =
    typeof reference === 'number' ? reference : /^\d{1,3}$/.test(reference) ? Number(reference) : -1;
  if (index >= 0 && index < labels.length) return index;
  throw new StylographError(
    'invalid_label',
    `${model.id} has no label ${JSON.stringify(reference)}; it has ${labels.map((name) => JSON.stringify(name)).join(', ')}.`,
  );
}

/** @throws invalid_latent when the length is not the model's */
export function checkedLatent(model: ModelRecord, latent: readonly number[]): Float32Array {
  if (latent.length === model.latentDim) return Float32Array.from(latent);
  throw new StylographError(
    'invalid_latent',
    `A latent of ${model.id} has ${model.latentDim} numbers; ${latent.length} were given.`,
  );
}

/** Sums up what the calls of one request cost, for its Server-Timing header. */
export class Stopwatch {
  #queueMs = 0;
  #computeMs = 0;

  add({ queueMs, computeMs }: Timings): void {
    this.#queueMs += queueMs;
    this.#computeMs += computeMs;
  }

  header(encodeMs: number): string {
    const parts = { queue: this.#queueMs, compute: this.#computeMs, encode: encodeMs };
    return Object.entries(parts)
      .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
      .join(', ');
  }
}
