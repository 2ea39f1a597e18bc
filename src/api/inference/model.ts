import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ModelReference } from '../../core/contracts/common.ts';
import type { LabelReference } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { errorCodeOf, StylographError } from '../../core/errors.ts';
import type { Timings } from '../../serving/client.ts';
import type { ApiDeps } from '../deps.ts';
import { SharedLookup } from './lookup.ts';

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

/** How long a call waits for the new target of a user's alias before the old one answers once more. */
const SWAP_MS = 2_000;
/** How long a model that could not be loaded beside another is left alone. */
const RETRY_MS = 5_000;

/**
 * Turns references into models. When an alias moves, its old target answers until the new one is loaded, and goes on
 * doing so when the new one cannot be loaded at all. Whoever has moved an alias himself waits a moment to see it moved;
 * `latest` moves by itself, and nobody waits.
 */
export class ModelChooser {
  readonly #records: SharedLookup<ModelRecord>;
  readonly #inference: ApiDeps['inference'];
  /** What answered last, by reference. */
  readonly #serving = new Map<string, ModelRecord>();
  /** Until when models that could not be loaded are left alone, by id. */
  readonly #refused = new Map<string, number>();

  readonly #meter: ApiDeps['meter'];

  constructor({ models, inference, meter }: Pick<ApiDeps, 'models' | 'inference' | 'meter'>) {
    const look = (reference: string): Promise<ModelRecord> => models.record(reference);
    this.#records = new SharedLookup(look, models.freshMs, undefined, (shared) =>
      meter?.modelLookedUp(shared ? 'memory' : 'store'),
    );
    this.#meter = meter;
    this.#inference = inference;
  }

  /** Call when models or aliases have changed. */
  forget(): void {
    this.#records.forget();
  }

  /** What answered last does so while the store is away. @throws no_model, model_not_found, store_unavailable */
  async choose(reference: string): Promise<ModelRecord> {
    const old = this.#serving.get(reference);
    const record = await this.#records.find(reference).catch((error: unknown) => {
      if (errorCodeOf(error) === 'store_unavailable' && old && this.#inference.isLoaded(old.id)) return old;
      throw error;
    });
    const isSwap = old !== undefined && old.id !== record.id && this.#inference.isLoaded(old.id);
    if (isSwap && !(await this.#loadsInTime(record, followsNewest(reference) ? 0 : SWAP_MS))) return old;
    if (old !== undefined && old.id !== record.id) this.#meter?.modelSwapped();
    this.#serving.set(reference, record);
    return record;
  }

  async #loadsInTime(record: ModelRecord, ms: number): Promise<boolean> {
    if (this.#inference.isLoaded(record.id)) return true;
    if (performance.now() < (this.#refused.get(record.id) ?? 0)) return false;
    const late = ms === 0 ? false : sleep(ms, false, { ref: false });
    const loaded = this.#inference.ensure(record).then(
      () => this.#refused.delete(record.id) || true,
      () => {
        this.#refused.set(record.id, performance.now() + RETRY_MS);
        return false;
      },
    );
    return await Promise.race([late, loaded]);
  }
}

const followsNewest = (reference: string): boolean =>
  reference === 'latest' || reference.startsWith('latest-');

/** Label names that an error lists. */
const NAMED = 20;

/** Index of a label given by name, or else by index, as text or number. @throws invalid_label naming those there are */
export function labelIndex(model: ModelRecord, reference: LabelReference): number {
  const { labels } = model.image;
  const named = labels.indexOf(String(reference));
  if (named >= 0) return named;
  const index =
    typeof reference === 'number' ? reference : /^\d{1,3}$/.test(reference) ? Number(reference) : -1;
  if (index >= 0 && index < labels.length) return index;
  const names = labels.slice(0, NAMED).map((name) => JSON.stringify(name));
  const more =
    labels.length > NAMED ? ` and ${labels.length - NAMED} more (GET /models/${model.id} lists them)` : '';
  throw new StylographError(
    'invalid_label',
    `${model.id} has no label ${JSON.stringify(reference)}; it has ${names.join(', ')}${more}.`,
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
