import { Alias, ModelId, type Page } from '../core/contracts/common.ts';
import { type Model, ModelRecord, type NamedWeights } from '../core/contracts/model.ts';
import { completeConfig } from '../core/contracts/presets.ts';
import type { MetricComparison } from '../core/contracts/promotion.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import { Aliases, unknownAlias } from './aliases.ts';
import { weightsDigest } from './digest.ts';
import type { FolderStore } from './folder-store.ts';
import { gate } from './promotion.ts';
import { decode, encode } from './safetensors.ts';

const MODELS = 'models';
const IMPORTS = 'imports';
const RECORD = 'model.json';
const WEIGHTS = 'weights.safetensors';
const LATEST = 'latest';
/** Moves by the gate. */
export const CHAMPION = 'champion';

const isReserved = (alias: string): boolean => alias === LATEST || alias.startsWith(`${LATEST}-`);

/** A record as stored, by this version or an earlier one. */
export function parseModelRecord(bytes: Uint8Array): ModelRecord {
  const stored = JSON.parse(Buffer.from(bytes).toString('utf8')) as ModelRecord;
  return ModelRecord.parse({ ...stored, config: completeConfig(stored.preset, stored.config) });
}

/** Yields to any other model: the blurred baseline is served only while there is nothing else. */
const isBaseline = (record: ModelRecord): boolean => record.config.objective === 'cvae';

/** The newest model that is not a baseline, else the newest. `records` are newest first. */
const newest = (records: ModelRecord[]): ModelRecord | undefined =>
  records.find((record) => !isBaseline(record)) ?? records[0];

/**
 * Models published by runs: `models/{id}` holds a record and the weights, `aliases/{name}` where an alias points.
 * `latest` and `latest-{dataset}` are not stored but follow from the models there are. Records never change once
 * written and are kept in memory. Nothing here needs TensorFlow.
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
   * A model where it is to be loaded from: one that arrives and is not proven yet before one of the same id that is here,
   * which is damaged then.
   */
  async source(modelId: string): Promise<ModelRegistry> {
    const arriving = await this.#store.exists(`${IMPORTS}/${modelId}`);
    return arriving ? new ModelRegistry(this.#store, IMPORTS) : this;
  }

  /** How long what was read may be taken for what is there, in milliseconds. */
  get freshMs(): number {
    return this.#store.freshMs;
  }

  /** Stores a model; publishing the same id again replaces it. @throws disk_full, checkpoint_corrupt */
  async publish(record: ModelRecord, weights: readonly NamedWeights[]): Promise<void> {
    const checked = ModelRecord.parse(record);
    if (weightsDigest(weights) !== checked.digest) {
      throw new StylographError(
        'checkpoint_corrupt',
        `The weights given for ${checked.id} do not have the digest its record states; publish them together.`,
      );
    }
    await this.#store.write(`${this.#folder}/${checked.id}`, {
      [RECORD]: Buffer.from(`${JSON.stringify(checked, null, 2)}\n`),
      [WEIGHTS]: encode(weights, { modelId: checked.id, digest: checked.digest }),
    });
    this.#records.set(checked.id, checked);
  }

  /**
   * Stores a model that was made elsewhere, under its own id, once it is proven: until then nobody sees it but `prove`, by
   * its `source`.
   * @returns false when the same model is here already
   * @throws model_exists when another has its id, checkpoint_corrupt, disk_full, whatever `prove` throws
   */
  async add(
    record: ModelRecord,
    weights: readonly NamedWeights[],
    prove: () => Promise<void>,
  ): Promise<boolean> {
    if (await this.#holds(record)) return false;
    try {
      await new ModelRegistry(this.#store, IMPORTS).publish(record, weights);
      await prove();
      // Somebody may have brought another one under its id meanwhile.
      if (await this.#holds(record)) return false;
      await this.publish(record, weights);
    } finally {
      // What stays is in nobody's way, and the next import of this model removes it.
      await this.#store.remove(`${IMPORTS}/${record.id}`).catch(() => undefined);
    }
    return true;
  }

  /** Whether the same model is here. @throws model_exists when another has its id */
  async #holds(record: ModelRecord): Promise<boolean> {
    this.#records.delete(record.id);
    const here = await this.#ifThere(record.id);
    if (here === undefined || here.digest === record.digest) return here !== undefined;
    throw new StylographError(
      'model_exists',
      `${record.id} is here already, with other weights; remove that one first if this one shall take its place.`,
    );
  }

  /** Newest first: ids sort by time. */
  async #ids(): Promise<string[]> {
    const names = await this.#store.list(this.#folder);
    return names.filter((name) => ModelId.safeParse(name).success).reverse();
  }

  async #read(id: string): Promise<ModelRecord> {
    const known = this.#records.get(id);
    if (known !== undefined) return known;
    const record = parseModelRecord(await this.#store.read(`${this.#folder}/${id}`, RECORD));
    this.#records.set(id, record);
    return record;
  }

  /** Those that can be read: one that is damaged must not take the others with it. Asked for by its id it says so. */
  async #all(): Promise<ModelRecord[]> {
    const ids = await this.#ids();
    for (const id of this.#records.keys()) if (!ids.includes(id)) this.#records.delete(id);
    const records = await Promise.all(ids.map((id) => this.#readable(id)));
    return records.filter((record) => record !== undefined);
  }

  async #readable(id: string): Promise<ModelRecord | undefined> {
    try {
      return await this.#read(id);
    } catch (error) {
      if (!['checkpoint_corrupt', 'checkpoint_missing'].includes(errorCodeOf(error) ?? '')) throw error;
      return undefined;
    }
  }

  /**
   * The record of a model id or alias, as stored.
   * @throws no_model while there is none at all and `latest` is asked for, model_not_found otherwise.
   */
  async record(ref: string): Promise<ModelRecord> {
    if (ModelId.safeParse(ref).success) {
      // Looked up on the disk each time, since another process may have removed it.
      if (await this.#store.exists(`${this.#folder}/${ref}`)) return await this.#read(ref);
    } else if (isReserved(ref)) {
      const records = await this.#all();
      const found = newest(
        ref === LATEST ? records : records.filter(({ dataset }) => ref === `${LATEST}-${dataset}`),
      );
      if (found) return found;
      if (ref === LATEST) {
        throw new StylographError(
          'no_model',
          'No run has published a model yet; start one with POST /runs and follow its events.',
        );
      }
    } else if (Alias.safeParse(ref).success) {
      const target = await this.#aliases.target(ref);
      if (target !== undefined) return await this.record(target);
    }
    throw unknownModel(ref);
  }

  #describe(record: ModelRecord, records: ModelRecord[], stored: Map<string, string>): Model {
    const { dataset, image } = record;
    const aliases = [...stored].filter(([, id]) => id === record.id).map(([name]) => name);
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

  /** Newest first. `cursor` is a former page's `nextCursor`. */
  async list(options: { limit: number; cursor?: string | undefined }): Promise<Page<Model>> {
    const { limit, cursor } = options;
    const records = await this.#all();
    const stored = await this.#aliases.all();
    const rest = cursor === undefined ? records : records.filter(({ id }) => id < cursor);
    const page = rest.slice(0, limit);
    return {
      items: page.map((record) => this.#describe(record, records, stored)),
      nextCursor: rest.length > limit ? page.at(-1)!.id : null,
    };
  }

  /** Points an alias at a model, wherever it pointed before. @throws validation_failed, model_not_found */
  async setAlias(alias: string, modelId: string): Promise<Model> {
    this.#checkAlias(alias);
    const { id } = await this.record(modelId);
    await this.#aliases.move(alias, async () => id);
    return await this.get(id);
  }

  /**
   * Points an alias at a model if its evaluation is better than that of the model it would replace.
   * @throws promotion_refused naming the metrics and both numbers, validation_failed, model_not_found
   */
  async promote(
    ref: string,
    { alias = CHAMPION, force = false } = {},
  ): Promise<{ model: Model; previousModelId: string | null; comparison: MetricComparison[] }> {
    this.#checkAlias(alias);
    const challenger = await this.record(ref);
    let previousModelId: string | null = null;
    let comparison: MetricComparison[] = [];
    await this.#aliases.move(alias, async (current) => {
      const champion = current === undefined ? undefined : await this.#ifThere(current);
      previousModelId = champion?.id ?? null;
      comparison = force || champion?.id === challenger.id ? [] : gate(champion, challenger);
      return challenger.id;
    });
    return { model: await this.get(challenger.id), previousModelId, comparison };
  }

  /**
   * Points an alias at the model it pointed at before; again, and it goes further back.
   * @throws no_former_model, validation_failed, model_not_found
   */
  async rollBack(alias: string): Promise<Model> {
    this.#checkAlias(alias);
    await this.#aliases.rollBack(alias, async (id) => (await this.#ifThere(id)) !== undefined);
    return await this.get(alias);
  }

  /** Undefined too when it is damaged: it can be replaced, and is no model to go back to. */
  async #ifThere(id: string): Promise<ModelRecord | undefined> {
    try {
      return await this.record(id);
    } catch (error) {
      if (!['model_not_found', 'checkpoint_corrupt'].includes(errorCodeOf(error) ?? '')) throw error;
      return undefined;
    }
  }

  /** Removes an alias; the model stays. @throws validation_failed, model_not_found */
  async removeAlias(alias: string): Promise<void> {
    this.#checkAlias(alias);
    await this.#aliases.move(alias, async (current) => {
      if (current === undefined) throw unknownAlias(alias);
      return null;
    });
  }

  #checkAlias(alias: string): void {
    if (isReserved(alias)) {
      throw new StylographError(
        'validation_failed',
        `"${alias}" follows the newest model by itself and cannot be set; choose a name that does not start with "latest".`,
      );
    }
    const parsed = Alias.safeParse(alias);
    if (!parsed.success) {
      throw new StylographError('validation_failed', `The alias ${parsed.error.issues[0]!.message}.`);
    }
  }

  /** Removes a model. `latest` falls back to the newest that remains. @throws model_not_found, model_in_use */
  async remove(modelId: string): Promise<void> {
    // One that is damaged can be removed too, so its record is not read.
    if (!(await this.#store.exists(`${this.#folder}/${modelId}`))) throw unknownModel(modelId);
    const held = [...(await this.#aliases.all())].filter(([, id]) => id === modelId).map(([name]) => name);
    if (held.length > 0) {
      throw new StylographError(
        'model_in_use',
        `${modelId} is held by ${held.map((name) => `"${name}"`).join(', ')}; point that elsewhere first.`,
      );
    }
    await this.#store.remove(`${this.#folder}/${modelId}`);
    this.#records.delete(modelId);
  }

  /** The weights as served, in their fixed order. @throws model_not_found, checkpoint_corrupt */
  async readWeights(modelId: string): Promise<NamedWeights[]> {
    const record = await this.record(modelId);
    const { weights } = decode(await this.#store.read(`${this.#folder}/${record.id}`, WEIGHTS));
    if (weightsDigest(weights) !== record.digest) {
      throw new StylographError(
        'checkpoint_corrupt',
        `The weights of ${record.id} do not have the digest its record states; remove the model or restore it.`,
      );
    }
    return weights;
  }
}

function unknownModel(ref: string): StylographError {
  return new StylographError('model_not_found', `There is no model "${ref}"; GET /models lists them all.`);
}
