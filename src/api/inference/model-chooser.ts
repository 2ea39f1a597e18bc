import { setTimeout as sleep, setImmediate as turnOfEventLoop } from 'node:timers/promises';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { errorCodeOf } from '../../core/errors.ts';
import type { ApiDeps } from '../deps.ts';

/** How long a call waits for the new target of a moved alias to load. After that the old target answers. */
const SWAP_MS = 2_000;
/** How long a model that failed to load beside another is not tried again. */
const RETRY_MS = 5_000;

/**
 * Finds the model that answers for an id or alias. When an alias moves, its old target answers until the new one is
 * loaded, and keeps answering if the new one cannot be loaded. Calls wait briefly for an alias that a user moved.
 * They do not wait for `latest`, which moves by itself.
 */
export class ModelChooser {
  readonly #records: SharedLookup<ModelRecord>;
  readonly #inference: ApiDeps['inference'];
  readonly #meter: ApiDeps['meter'];
  /** The model that answered last, by reference. */
  readonly #serving = new Map<string, ModelRecord>();
  /** Times at which models that failed to load may be tried again, by id. */
  readonly #retryAt = new Map<string, number>();

  constructor({ models, inference, meter }: Pick<ApiDeps, 'models' | 'inference' | 'meter'>) {
    this.#records = new SharedLookup((reference) => models.record(reference), {
      freshMs: models.freshMs,
      onFind: (shared) => meter?.modelLookedUp(shared ? 'memory' : 'store'),
    });
    this.#inference = inference;
    this.#meter = meter;
  }

  /** Drops cached records. Call it after models or aliases have changed. */
  forget(): void {
    this.#records.forget();
  }

  /** While the store is unavailable, the model that answered last answers. @throws no_model, model_not_found, store_unavailable */
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
    if (performance.now() < (this.#retryAt.get(record.id) ?? 0)) return false;
    const late = ms === 0 ? false : sleep(ms, false, { ref: false });
    const loaded = this.#inference.ensure(record).then(
      () => this.#retryAt.delete(record.id) || true,
      () => {
        this.#retryAt.set(record.id, performance.now() + RETRY_MS);
        return false;
      },
    );
    return await Promise.race([late, loaded]);
  }
}

const followsNewest = (reference: string): boolean =>
  reference === 'latest' || reference.startsWith('latest-');

interface LookupOptions {
  /** How long after its start a lookup's result is shared; default 0. */
  freshMs?: number | undefined;
  now?: () => number;
  /** Called for every request, with whether it shared a lookup. */
  onFind?: (shared: boolean) => void;
}

interface Entry<T> {
  found: Promise<T>;
  /** When the lookup started; null before that. */
  startedAt: number | null;
}

/**
 * Shares lookups between concurrent callers. Callers that ask before a lookup starts, or within `freshMs` after, get
 * its result. At most one lookup per key runs at a time.
 */
export class SharedLookup<T> {
  readonly #look: (key: string) => Promise<T>;
  readonly #freshMs: number;
  readonly #now: () => number;
  readonly #onFind: (shared: boolean) => void;
  readonly #newest = new Map<string, Entry<T>>();

  constructor(
    look: (key: string) => Promise<T>,
    { freshMs = 0, now = () => performance.now(), onFind = () => undefined }: LookupOptions = {},
  ) {
    this.#look = look;
    this.#freshMs = freshMs;
    this.#now = now;
    this.#onFind = onFind;
  }

  find(key: string): Promise<T> {
    const newest = this.#newest.get(key);
    const joins = newest && (newest.startedAt === null || this.#now() - newest.startedAt < this.#freshMs);
    this.#onFind(joins === true);
    if (joins) return newest.found;
    const entry = { startedAt: null } as Entry<T>;
    entry.found = this.#start(key, entry, newest?.found);
    this.#newest.set(key, entry);
    return entry.found;
  }

  /** Later callers get a new lookup. */
  forget(): void {
    this.#newest.clear();
  }

  async #start(key: string, entry: Entry<T>, before: Promise<T> | undefined): Promise<T> {
    // Requests that the event loop has already read join this lookup.
    if (before) await Promise.allSettled([before]);
    else await turnOfEventLoop();
    entry.startedAt = this.#now();
    try {
      return await this.#look(key);
    } catch (error) {
      // Failed lookups are not remembered, or made-up names would fill the map.
      if (this.#newest.get(key) === entry) this.#newest.delete(key);
      throw error;
    }
  }
}
