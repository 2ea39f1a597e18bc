import { z } from 'zod';
import { Alias, ModelId, Timestamp } from '../core/contracts/common.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import type { FolderStore, Versioned } from './folder-store.ts';

const ALIASES = 'aliases';
/** This alias, and `latest-{dataset}`, follow the newest models and are not stored. */
export const LATEST = 'latest';
const ATTEMPTS = 20;
/** Former models per alias, to which it can be rolled back. */
const FORMER_KEPT = 20;

const AliasRecord = z.object({
  /** Null after the alias was removed. */
  modelId: ModelId.nullable(),
  /** Models it pointed at before, newest first. */
  former: z.array(ModelId),
  changedAt: Timestamp,
});
type AliasRecord = Omit<z.infer<typeof AliasRecord>, 'changedAt'>;

const NONE: AliasRecord = { modelId: null, former: [] };

/** Names that point at models. Changes are compare-and-swap: of two concurrent changes, one sees the other's result. */
export class Aliases {
  readonly #store: FolderStore;

  constructor(store: FolderStore) {
    this.#store = store;
  }

  async target(alias: string): Promise<string | undefined> {
    return (await this.#read(alias)).record.modelId ?? undefined;
  }

  /** Model ids by alias. */
  async all(): Promise<Map<string, string>> {
    const names = await this.#store.list(ALIASES);
    const targets = await Promise.all(names.map((name) => this.target(name)));
    return new Map(names.flatMap((name, i) => (targets[i] === undefined ? [] : [[name, targets[i]]])));
  }

  /**
   * Points an alias at the model that `choose` returns for the current one; null removes it. `choose` is called again
   * after a concurrent change. @throws the errors of `choose`
   */
  async move(alias: string, choose: (current: string | undefined) => Promise<string | null>): Promise<void> {
    await this.#change(alias, async ({ modelId, former }) => {
      const next = await choose(modelId ?? undefined);
      if (next === modelId) return undefined;
      const history = modelId === null ? former : [modelId, ...former];
      return { modelId: next, former: history.slice(0, FORMER_KEPT) };
    });
  }

  /**
   * Points an alias at its previous model. Repeated calls go further back.
   * @param exists whether a model still exists; others are skipped
   * @throws model_not_found if the alias does not exist; no_former_model
   */
  async rollBack(alias: string, exists: (modelId: string) => Promise<boolean>): Promise<void> {
    await this.#change(alias, async ({ modelId, former }) => {
      if (modelId === null && former.length === 0) throw unknownAlias(alias);
      for (const [i, candidate] of former.entries()) {
        if (await exists(candidate)) return { modelId: candidate, former: former.slice(i + 1) };
      }
      throw new StylographError(
        'no_former_model',
        `"${alias}" has not pointed at another model that still exists. PUT /models/aliases/${alias} points it at any model.`,
      );
    });
  }

  async #change(
    alias: string,
    change: (now: AliasRecord) => Promise<AliasRecord | undefined>,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { record, seen } = await this.#read(alias);
      const next = await change(record);
      if (next === undefined) return;
      const stored = { ...next, changedAt: new Date().toISOString() };
      try {
        await this.#store.swapFile(pathOf(alias), Buffer.from(`${JSON.stringify(stored, null, 2)}\n`), seen);
        return;
      } catch (error) {
        if (errorCodeOf(error) !== 'store_conflict' || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #read(alias: string): Promise<{ record: AliasRecord; seen: Versioned | undefined }> {
    const seen = await this.#store.readVersioned(pathOf(alias));
    return { record: seen ? parse(seen.bytes) : NONE, seen };
  }
}

const pathOf = (alias: string): string => `${ALIASES}/${alias}`;

/** Reads a record. Earlier versions stored only the model's id. */
function parse(bytes: Uint8Array): AliasRecord {
  const text = Buffer.from(bytes).toString('utf8').trim();
  if (ModelId.safeParse(text).success) return { modelId: text, former: [] };
  try {
    return AliasRecord.parse(JSON.parse(text));
  } catch {
    return NONE;
  }
}

export const isLatest = (alias: string): boolean => alias === LATEST || alias.startsWith(`${LATEST}-`);

/** @throws validation_failed if a name cannot be an alias that users set */
export function checkAlias(alias: string): void {
  if (isLatest(alias)) {
    throw new StylographError(
      'validation_failed',
      `"${alias}" follows the newest model and cannot be changed. Choose a name that does not start with "latest".`,
    );
  }
  const parsed = Alias.safeParse(alias);
  if (!parsed.success) {
    throw new StylographError('validation_failed', `The alias ${parsed.error.issues[0]!.message}.`);
  }
}

export function unknownAlias(alias: string): StylographError {
  return new StylographError(
    'model_not_found',
    `There is no alias "${alias}"; GET /models lists models with their aliases.`,
  );
}
