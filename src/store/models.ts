import { Alias, ModelId, type Page } from '../core/contracts/common.ts';
import { type Model, ModelRecord, type NamedWeights } from '../core/contracts/model.ts';
import { completeConfig } from '../core/contracts/presets.ts';
import type { MetricComparison } from '../core/contracts/promotion.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import { plainMessage } from '../core/validation-messages.ts';
import { Aliases, checkAlias, isLatest, LATEST, unknownAlias } from './aliases.ts';
import { weightsDigest } from './digest.ts';
import type { FolderStore } from './folder-store.ts';
import { requireImprovement } from './promotion.ts';
import { decode, encode } from './safetensors.ts';

const MODELS = 'models';
const IMPORTS = 'imports';
const RECORD = 'model.json';
const WEIGHTS = 'weights.safetensors';
/** The default alias of a promotion. */
export const CHAMPION = 'champion';

/** Parses a stored record, of this version or an earlier one. */
export function parseModelRecord(bytes: Uint8Array): ModelRecord {
  const stored = JSON.parse(Buffer.from(bytes).toString('utf8')) as ModelRecord;
  const completed = { ...stored, config: completeConfig(stored.preset, stored.config) };
  return ModelRecord.parse(completed, { error: plainMessage });
}

/** Other models take precedence: the blurred baseline is served only if there is nothing else. */
const isBaseline = (record: ModelRecord): boolean => record.config.objective === 'cvae';

/** The newest model that is not a baseline, else the newest. `records` are newest first. */
const newest = (records: ModelRecord[]): ModelRecord | undefined =>
  records.find((record) => !isBaseline(record)) ?? records[0];

/**
 * The published models. `models/{id}` contains a record and the weights, `aliases/{name}` the target of an alias. `latest`
 * and `latest-{dataset}` are not stored but derived from the models. Records never change and are cached in memory. Nothing
 * here needs TensorFlow.
 */
export class ModelRegistry {
  readonly #store: FolderStore;
  readonly #folder: string;
  readonly #aliases: Aliases;
  readonly #records = new Map<string, ModelRecord>();

  constructor(store: FolderStore, folder: string = MODELS) {
    this.#store = store;
    this.#folder = folder;
    this.#aliases = new Aliases(store);
  }

  /**
   * The registry to load a model from: that of imports while an import waits for its proof, otherwise this one. A published
   * model of the same id is damaged in that case.
   */
  async source(modelId: string): Promise<ModelRegistry> {
    const isImporting = await this.#store.exists(`${IMPORTS}/${modelId}`);
    return isImporting ? new ModelRegistry(this.#store, IMPORTS) : this;
  }

  /** Milliseconds for which a result may be reused. */
  get freshMs(): number {
    return this.#store.freshMs;
  }

  /** Stores a model; publishing the same id again replaces it. @throws disk_full, checkpoint_corrupt */
  async publish(record: ModelRecord, weights: readonly NamedWeights[]): Promise<void> {
    const checked = ModelRecord.parse(record);
    if (weightsDigest(weights) !== checked.digest) {
      throw new StylographError(
        'checkpoint_corrupt',
        `The weights of ${checked.id} do not match the digest in its record. Publish record and weights together.`,
      );
    }
    await this.#store.write(`${this.#folder}/${checked.id}`, {
      [RECORD]: Buffer.from(`${JSON.stringify(checked, null, 2)}\n`),
      [WEIGHTS]: encode(weights, { modelId: checked.id, digest: checked.digest }),
    });
    this.#records.set(checked.id, checked);
  }

  /**
   * Imports a model under its own id after `prove` succeeded. Until then only `prove` sees it, through {@link source}.
   * @returns false if the same model exists
   * @throws model_exists if another model has its id; checkpoint_corrupt, disk_full, the errors of `prove`
   */
  async add(
    record: ModelRecord,
    weights: readonly NamedWeights[],
    prove: () => Promise<void>,
  ): Promise<boolean> {
    if (await this.#contains(record)) return false;
    try {
      await new ModelRegistry(this.#store, IMPORTS).publish(record, weights);
      await prove();
      // Another process may have imported a model with this id in the meantime.
      if (await this.#contains(record)) return false;
      await this.publish(record, weights);
    } finally {
      // If it cannot be removed it does no harm, and the next import of this model removes it.
      await this.#store.remove(`${IMPORTS}/${record.id}`).catch(() => undefined);
    }
    return true;
  }

  /** Whether the same model exists. @throws model_exists if another model has its id */
  async #contains(record: ModelRecord): Promise<boolean> {
    this.#records.delete(record.id);
    const existing = await this.#findReadable(record.id);
    if (existing === undefined || existing.digest === record.digest) return existing !== undefined;
    throw new StylographError(
      'model_exists',
      `${record.id} exists already with other weights. Remove it first to replace it.`,
    );
  }

  /** Newest first, because ids sort by time. */
  async #ids(): Promise<string[]> {
    const names = await this.#store.list(this.#folder);
    return names.filter((name) => ModelId.safeParse(name).success).reverse();
  }

  async #read(id: string): Promise<ModelRecord> {
    const cached = this.#records.get(id);
    if (cached !== undefined) return cached;
    const record = parseModelRecord(await this.#store.read(`${this.#folder}/${id}`, RECORD));
    this.#records.set(id, record);
    return record;
  }

  /** All readable records: a damaged model must not hide the others. Reading it by its id throws its error. */
  async #all(): Promise<ModelRecord[]> {
    const ids = await this.#ids();
    for (const id of this.#records.keys()) if (!ids.includes(id)) this.#records.delete(id);
    const records = await Promise.all(
      ids.map((id) => undefinedFor(this.#read(id), ['checkpoint_corrupt', 'checkpoint_missing'])),
    );
    return records.filter((record) => record !== undefined);
  }

  /**
   * The stored record of a model id or alias.
   * @throws no_model if `latest` is requested and there are no models; otherwise model_not_found
   */
  async record(ref: string): Promise<ModelRecord> {
    if (ModelId.safeParse(ref).success) {
      // Checked in the store each time, because another process may have removed it.
      if (await this.#store.exists(`${this.#folder}/${ref}`)) return await this.#read(ref);
    } else if (isLatest(ref)) {
      const records = await this.#all();
      const found = newest(
        ref === LATEST ? records : records.filter(({ dataset }) => ref === `${LATEST}-${dataset}`),
      );
      if (found) return found;
      if (ref === LATEST) {
        throw new StylographError(
          'no_model',
          'No run has published a model yet. Start one with POST /runs and follow its events.',
        );
      }
    } else if (Alias.safeParse(ref).success) {
      const target = await this.#aliases.target(ref);
      if (target !== undefined) return await this.record(target);
    }
    throw unknownModel(ref);
  }

  #describe(record: ModelRecord, records: ModelRecord[], targets: Map<string, string>): Model {
    const { dataset, image } = record;
    const aliases = [...targets].filter(([, id]) => id === record.id).map(([name]) => name);
    if (newest(records) === record) aliases.unshift(LATEST);
    if (newest(records.filter((other) => other.dataset === dataset)) === record) {
      aliases.push(`${LATEST}-${dataset}`);
    }
    return { ...record, labels: image.labels, aliases };
  }

  /** A model with its aliases. @throws no_model, model_not_found */
  async get(ref: string): Promise<Model> {
    const record = await this.record(ref);
    return this.#describe(record, await this.#all(), await this.#aliases.all());
  }

  /** Newest first. `cursor` is the `nextCursor` of the previous page. */
  async list(options: { limit: number; cursor?: string | undefined }): Promise<Page<Model>> {
    const { limit, cursor } = options;
    const records = await this.#all();
    const targets = await this.#aliases.all();
    const rest = cursor === undefined ? records : records.filter(({ id }) => id < cursor);
    const page = rest.slice(0, limit);
    return {
      items: page.map((record) => this.#describe(record, records, targets)),
      nextCursor: rest.length > limit ? page.at(-1)!.id : null,
    };
  }

  /** Points an alias at a model without comparing it. @throws validation_failed, model_not_found */
  async setAlias(alias: string, modelId: string): Promise<Model> {
    checkAlias(alias);
    const { id } = await this.record(modelId);
    await this.#aliases.move(alias, async () => id);
    return await this.get(id);
  }

  /**
   * Points an alias at a model if its evaluation is better than that of the current one.
   * @throws promotion_refused naming the metrics with both values; validation_failed, model_not_found
   */
  async promote(
    ref: string,
    { alias = CHAMPION, force = false } = {},
  ): Promise<{ model: Model; previousModelId: string | null; comparison: MetricComparison[] }> {
    checkAlias(alias);
    const challenger = await this.record(ref);
    let previousModelId: string | null = null;
    let comparison: MetricComparison[] = [];
    await this.#aliases.move(alias, async (current) => {
      const champion = current === undefined ? undefined : await this.#findReadable(current);
      previousModelId = champion?.id ?? null;
      comparison = force || champion?.id === challenger.id ? [] : requireImprovement(champion, challenger);
      return challenger.id;
    });
    return { model: await this.get(challenger.id), previousModelId, comparison };
  }

  /**
   * Points an alias at its previous model. Repeated calls go further back.
   * @throws no_former_model, validation_failed, model_not_found
   */
  async rollBack(alias: string): Promise<Model> {
    checkAlias(alias);
    await this.#aliases.rollBack(alias, async (id) => (await this.#findReadable(id)) !== undefined);
    return await this.get(alias);
  }

  /** Undefined for a missing or damaged model: it can be replaced, and is no target for a rollback. */
  async #findReadable(id: string): Promise<ModelRecord | undefined> {
    return await undefinedFor(this.record(id), ['model_not_found', 'checkpoint_corrupt']);
  }

  /** Removes an alias; the model stays. @throws validation_failed, model_not_found */
  async removeAlias(alias: string): Promise<void> {
    checkAlias(alias);
    await this.#aliases.move(alias, async (current) => {
      if (current === undefined) throw unknownAlias(alias);
      return null;
    });
  }

  /** Removes a model; `latest` falls back to the newest remaining one. @throws model_not_found, model_in_use */
  async remove(modelId: string): Promise<void> {
    // Its record is not read, so that a damaged model can be removed.
    if (!(await this.#store.exists(`${this.#folder}/${modelId}`))) throw unknownModel(modelId);
    const aliases = [...(await this.#aliases.all())].filter(([, id]) => id === modelId);
    if (aliases.length > 0) {
      const names = aliases.map(([name]) => `"${name}"`).join(', ');
      throw new StylographError(
        'model_in_use',
        `${modelId} is the target of ${names}. Point these aliases at other models first.`,
      );
    }
    await this.#store.remove(`${this.#folder}/${modelId}`);
    this.#records.delete(modelId);
  }

  /** The served weights in their fixed order. @throws model_not_found, checkpoint_corrupt */
  async readWeights(modelId: string): Promise<NamedWeights[]> {
    const record = await this.record(modelId);
    const { weights } = decode(await this.#store.read(`${this.#folder}/${record.id}`, WEIGHTS));
    if (weightsDigest(weights) !== record.digest) {
      throw new StylographError(
        'checkpoint_corrupt',
        `The weights of ${record.id} do not match the digest in its record. Remove the model or restore it.`,
      );
    }
    return weights;
  }
}

/** The result, or undefined after an error with one of these codes. */
async function undefinedFor<T>(result: Promise<T>, codes: readonly string[]): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (!codes.includes(errorCodeOf(error) ?? '')) throw error;
    return undefined;
  }
}

function unknownModel(ref: string): StylographError {
  return new StylographError('model_not_found', `There is no model "${ref}"; GET /models lists all models.`);
}
