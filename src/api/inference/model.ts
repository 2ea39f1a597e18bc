import { setTimeout as sleep } from 'node:timers/promises';
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

/** How long a call waits for the new target of an alias before the old one answers once more. */
const SWAP_MS = 2_000;

/**
 * Turns references into models. When an alias moves, its old target answers until the new one is loaded, and goes on
 * doing so when the new one cannot be loaded at all.
 */
export class ModelChooser {
  readonly #models: ApiDeps['models'];
  readonly #inference: ApiDeps['inference'];
  /** What answered last, by alias. */
  readonly #serving = new Map<string, ModelRecord>();

  constructor({ models, inference }: Pick<ApiDeps, 'models' | 'inference'>) {
    this.#models = models;
    this.#inference = inference;
  }

  /** @throws no_model, model_not_found */
  async choose(reference: string): Promise<ModelRecord> {
    const record = await this.#models.record(reference);
    if (record.id === reference) return record;
    const old = this.#serving.get(reference);
    const isSwap = old !== undefined && old.id !== record.id && this.#inference.isLoaded(old.id);
    if (isSwap && !(await this.#loadsInTime(record))) return old;
    this.#serving.set(reference, record);
    return record;
  }

  async #loadsInTime(record: ModelRecord): Promise<boolean> {
    if (this.#inference.isLoaded(record.id)) return true;
    const late = sleep(SWAP_MS, false, { ref: false });
    const loaded = this.#inference.ensure(record).then(
      () => true,
      () => false,
    );
    return await Promise.race([loaded, late]);
  }
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
