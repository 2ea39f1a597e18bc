import { StylographError } from '../core/errors.ts';

/** A model during whose loading this many children ended is given up. */
const MAX_DEATHS = 2;

interface Entry {
  state: 'waiting' | 'loading' | 'loaded';
  /** It was loaded in a child that ended. */
  lost: boolean;
  /** Children that ended while they loaded it. */
  deaths: number;
  promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

interface Commands {
  load(modelId: string): void;
  unload(modelId: string): void;
}

/**
 * Which models the child holds or should hold: at most `limit`, the least recently used go first, those in use stay.
 * What was loaded is loaded again when a new child starts.
 */
export class LoadedModels {
  readonly #limit: number;
  readonly #commands: Commands;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #pins = new Map<string, number>();
  #childUp = false;

  constructor(limit: number, commands: Commands) {
    this.#limit = limit;
    this.#commands = commands;
  }

  isLoaded(modelId: string): boolean {
    return this.#entries.get(modelId)?.state === 'loaded';
  }

  get some(): boolean {
    return [...this.#entries.values()].some(({ state }) => state === 'loaded');
  }

  /** Ids of those that can answer. */
  get ids(): string[] {
    return [...this.#entries].flatMap(([modelId, { state }]) => (state === 'loaded' ? [modelId] : []));
  }

  /** Not between the loss of a child and the loading of what it held; a first or further model does not count. */
  get settled(): boolean {
    return this.some || ![...this.#entries.values()].some(({ lost }) => lost);
  }

  /** Resolves when the model is loaded, at once if it is; rejects when it cannot be. */
  ensure(modelId: string): Promise<void> {
    const entry = this.#entries.get(modelId) ?? newEntry();
    this.#entries.delete(modelId);
    this.#entries.set(modelId, entry);
    if (entry.state === 'waiting' && this.#childUp) {
      entry.state = 'loading';
      this.#commands.load(modelId);
    }
    return entry.promise;
  }

  /** Keeps a model from being unloaded until the returned function is called. */
  pin(modelId: string): () => void {
    this.#pins.set(modelId, (this.#pins.get(modelId) ?? 0) + 1);
    return () => {
      const left = this.#pins.get(modelId)! - 1;
      if (left > 0) this.#pins.set(modelId, left);
      else this.#pins.delete(modelId);
      this.#evict();
    };
  }

  loaded(modelId: string): void {
    const entry = this.#entries.get(modelId);
    if (!entry) return;
    entry.state = 'loaded';
    entry.resolve();
    this.#evict();
  }

  failed(modelId: string, error: unknown): void {
    const entry = this.#entries.get(modelId);
    this.#entries.delete(modelId);
    entry?.reject(error);
  }

  childStarted(): void {
    this.#childUp = true;
    // The one used last is wanted first.
    for (const [modelId, entry] of [...this.#entries].reverse()) {
      entry.state = 'loading';
      this.#commands.load(modelId);
    }
  }

  childLost(): void {
    this.#childUp = false;
    for (const [modelId, entry] of [...this.#entries]) {
      if (entry.state === 'loaded') this.#entries.set(modelId, { ...newEntry(), lost: true });
      if (entry.state === 'loading' && ++entry.deaths >= MAX_DEATHS) {
        const detail = `Model ${modelId} ended the inference process ${entry.deaths} times while it loaded.`;
        this.failed(modelId, new StylographError('inference_failed', `${detail} Use another model.`));
      } else if (entry.state === 'loading') entry.state = 'waiting';
    }
  }

  /** Another child, which holds these models, has taken the place of the one before: what else is wanted is loaded there. */
  childReplaced(held: ReadonlySet<string>): void {
    for (const modelId of held) if (!this.#entries.has(modelId)) this.#commands.unload(modelId);
    for (const [modelId, entry] of [...this.#entries]) {
      if (entry.state === 'loaded' && held.has(modelId)) continue;
      if (entry.state === 'loaded') this.#entries.set(modelId, newEntry());
      this.#entries.get(modelId)!.state = 'loading';
      this.#commands.load(modelId);
    }
  }

  /** Fails whoever waits for a load; the models stay wanted. */
  rejectWaiting(error: unknown): void {
    for (const [modelId, entry] of [...this.#entries]) {
      if (entry.state === 'loaded') continue;
      entry.reject(error);
      this.#entries.set(modelId, {
        ...newEntry(),
        state: entry.state,
        lost: entry.lost,
        deaths: entry.deaths,
      });
    }
  }

  #evict(): void {
    const loaded = [...this.#entries].filter(([, { state }]) => state === 'loaded');
    let surplus = loaded.length - this.#limit;
    for (const [modelId] of loaded) {
      if (surplus <= 0) return;
      if (this.#pins.has(modelId)) continue;
      this.#entries.delete(modelId);
      this.#commands.unload(modelId);
      surplus--;
    }
  }
}

function newEntry(): Entry {
  let resolve = (): void => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((onLoaded, onFailed) => {
    resolve = onLoaded;
    reject = onFailed;
  });
  // Whoever waits sees the rejection; a load nobody waits for must not end the process.
  promise.catch(() => {});
  return { state: 'waiting', lost: false, deaths: 0, promise, resolve, reject };
}
