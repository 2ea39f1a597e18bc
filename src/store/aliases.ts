import { z } from 'zod';
import { ModelId, Timestamp } from '../core/contracts/common.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import type { FolderStore, Versioned } from './folder-store.ts';

const ALIASES = 'aliases';
const ATTEMPTS = 20;
/** How far back an alias can be rolled. */
const MOST_FORMER = 20;

const AliasRecord = z.object({
  /** Null once the alias was removed. */
  modelId: ModelId.nullable(),
  /** What it pointed at before, newest first. */
  former: z.array(ModelId),
  changedAt: Timestamp,
});
type AliasRecord = Omit<z.infer<typeof AliasRecord>, 'changedAt'>;

const NONE: AliasRecord = { modelId: null, former: [] };

/** Names that point at models. Every change is made against what was read: of two at once, one sees the other's. */
export class Aliases {
  readonly #store: FolderStore;

  constructor(store: FolderStore) {
    this.#store = store;
  }

  async target(alias: string): Promise<string | undefined> {
    return (await this.#read(alias)).record.modelId ?? undefined;
  }

  /** Every alias with the model it names. */
  async all(): Promise<Map<string, string>> {
    const names = await this.#store.list(ALIASES);
    const targets = await Promise.all(names.map((name) => this.target(name)));
    return new Map(names.flatMap((name, i) => (targets[i] === undefined ? [] : [[name, targets[i]]])));
  }

  /**
   * Points an alias at the model that `choose` answers for the one it points at now, and `null` for none. `choose` is
   * asked again when somebody else was faster. @throws whatever `choose` throws
   */
  async move(
    alias: string,
    choose: (current: string | undefined, former: readonly string[]) => Promise<string | null>,
  ): Promise<void> {
    await this.#change(alias, async ({ modelId, former }) => {
      const next = await choose(modelId ?? undefined, former);
      if (next === modelId) return undefined;
      const history = modelId === null ? former : [modelId, ...former];
      return { modelId: next, former: history.slice(0, MOST_FORMER) };
    });
  }

  /**
   * Points an alias at the model it pointed at before. Doing so again goes further back.
   * @param exists whether a model is still there; those that are not are passed over
   * @throws model_not_found when there is no such alias, no former_model
   */
  async rollBack(alias: string, exists: (modelId: string) => Promise<boolean>): Promise<void> {
    await this.#change(alias, async ({ modelId, former }) => {
      if (modelId === null && former.length === 0) throw unknownAlias(alias);
      for (const [i, candidate] of former.entries()) {
        if (await exists(candidate)) return { modelId: candidate, former: former.slice(i + 1) };
      }
      throw new StylographError(
        'no_former_model',
        `"${alias}" has pointed at no other model that is still there; PUT /models/aliases/${alias} points it at any.`,
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

/** Earlier versions stored the model's id and nothing else. */
function parse(bytes: Uint8Array): AliasRecord {
  const text = Buffer.from(bytes).toString('utf8').trim();
  if (ModelId.safeParse(text).success) return { modelId: text, former: [] };
  try {
    return AliasRecord.parse(JSON.parse(text));
  } catch {
    return NONE;
  }
}

export function unknownAlias(alias: string): StylographError {
  return new StylographError(
    'model_not_found',
    `There is no alias "${alias}"; GET /models lists aliases with models.`,
  );
}
