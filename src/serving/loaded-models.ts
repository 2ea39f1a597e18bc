import { StylographError } from '../core/errors.ts';

/** A model is not loaded again after this many children ended while they loaded it. */
const MOST_CRASHES = 2;

interface Entry {
  state: 'waiting' | 'loading' | 'loaded';
  /** Whether a child that ended had loaded it. */
  wasLost: boolean;
  /** Children that ended while they loaded it. */
  crashes: number;
  promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

interface Commands {
  load(modelId: string): void;
  unload(modelId: string): void;
}

/**
 * The models that the child has loaded or should load. Beyond `limit`, the least recently used ones that are not in use
 * are unloaded. A new child reloads them.
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

  /** At least one model can answer. */
  get hasAny(): boolean {
    return [...this.#entries.values()].some(({ state }) => state === 'loaded');
  }

  /** Ids of models that can answer. */
  get ids(): string[] {
    return [...this.#entries].flatMap(([modelId, { state }]) => (state === 'loaded' ? [modelId] : []));
  }

  /** False from the end of a child until one of its models is loaded again. */
  get isRestored(): boolean {
    return this.hasAny || ![...this.#entries.values()].some(({ wasLost }) => wasLost);
  }

  /** Loads a model unless it is loaded. Rejects when it cannot be loaded. */
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

  /** Prevents that a model is unloaded until the returned function is called. */
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
    // Most recently used first.
    for (const [modelId, entry] of [...this.#entries].reverse()) {
      entry.state = 'loading';
      this.#commands.load(modelId);
    }
  }

  childLost(): void {
    this.#childUp = false;
    for (const [modelId, entry] of [...this.#entries]) {
      if (entry.state === 'loaded') this.#entries.set(modelId, { ...newEntry(), wasLost: true });
      if (entry.state === 'loading' && ++entry.crashes >= MOST_CRASHES) {
        const detail = `Model ${modelId} ended the inference process ${entry.crashes} times while it loaded.`;
        this.failed(modelId, new StylographError('inference_failed', `${detail} Use another model.`));
      } else if (entry.state === 'loading') entry.state = 'waiting';
    }
  }

  /** Call when a new child that has loaded these models replaced the child. The other models are loaded there. */
  childReplaced(loaded: ReadonlySet<string>): void {
    for (const modelId of loaded) if (!this.#entries.has(modelId)) this.#commands.unload(modelId);
    for (const [modelId, entry] of [...this.#entries]) {
      if (entry.state === 'loaded' && loaded.has(modelId)) continue;
      if (entry.state === 'loaded') this.#entries.set(modelId, newEntry());
      this.#entries.get(modelId)!.state = 'loading';
      this.#commands.load(modelId);
    }
  }

  /** Rejects all pending `ensure` calls. The models are still loaded when a child starts. */
  rejectWaiting(error: unknown): void {
    for (const [modelId, entry] of [...this.#entries]) {
      if (entry.state === 'loaded') continue;
      entry.reject(error);
      this.#entries.set(modelId, {
        ...newEntry(),
        state: entry.state,
        wasLost: entry.wasLost,
        crashes: entry.crashes,
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
  // Without a handler, the rejection of a load that no call waits for would end the process.
  promise.catch(() => {});
  return { state: 'waiting', wasLost: false, crashes: 0, promise, resolve, reject };
}
