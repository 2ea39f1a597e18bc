import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineFacts } from '../core/contracts/engine.ts';
import type { ModelRecord } from '../core/contracts/model.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import { Batcher, type BatcherLimits, type Clock, type Slice, type Timings } from './batcher.ts';
import { ChildKeeper } from './keeper.ts';
import { LoadedModels } from './loaded.ts';
import { decodeWork, encodeWork, explainWork, joinSlices, scatterAnswer, type Work } from './operations.ts';

export type { Timings } from './batcher.ts';

export interface CallOptions {
  /** Its abort takes the call out of the queue. */
  signal?: AbortSignal;
}

/** What the API needs of inference. Images are bytes, count × height × width × channels, 255 is ink. */
export interface Inference {
  /** The child is up and every model it should hold is loaded. */
  readonly ready: boolean;
  /** Where kernels run; null until the child is up. */
  readonly device: string | null;
  /** Why the child is not up, if it is not. */
  readonly problem: string | null;
  /** Process id of the child, while there is one. */
  readonly pid: number | undefined;
  /** What the child told of itself last, if it is up. */
  readonly engine: EngineFacts | undefined;
  /** Calls waiting to be computed. */
  readonly waiting: number;
  isLoaded(modelId: string): boolean;
  /** Some model is loaded and can answer. */
  readonly hasModel: boolean;
  /** Loads and warms a model beside the others; the least recently used beyond the limit are unloaded. */
  ensure(model: ModelRecord): Promise<void>;
  /** @param latents count × latentDim @param labels indices */
  decode(
    model: ModelRecord,
    latents: Float32Array,
    labels: Int32Array,
    options?: CallOptions,
  ): Promise<{ pixels: Uint8Array; timings: Timings }>;
  /** @returns `mean` and `logVar`, each count × latentDim */
  encode(
    model: ModelRecord,
    images: Uint8Array,
    labels: Int32Array,
    options?: CallOptions,
  ): Promise<{ mean: Float32Array; logVar: Float32Array; timings: Timings }>;
  /** @returns `scores`: count × labels log-evidences, each up to a constant an image */
  explain(
    model: ModelRecord,
    images: Uint8Array,
    options?: CallOptions,
  ): Promise<{ scores: Float32Array; timings: Timings }>;
  close(): Promise<void>;
}

export interface InferenceOptions extends Partial<BatcherLimits> {
  /** Path of the module that the child runs. */
  childModule: string;
  /** The store from which the child reads weights: a folder, or `s3://bucket/prefix`. */
  directory: string;
  /** Most models held at a time. */
  maxModels?: number;
  /** A batch without an answer for this long means a hung child, which is killed. */
  callTimeoutMs?: number;
  /** Most a call waits for its model, and for a child that is starting. */
  loadWaitMs?: number;
  /** Resident memory, in MB, beyond which the child is replaced by a fresh one, without a pause; 0: never. */
  memoryLimitMb?: number;
  onLog?(level: 'info' | 'warn' | 'error', message: string): void;
  /** Told of everything that is worth a measurement. */
  observer?: InferenceObserver;
}

type Operation = Work['operation'];

export interface InferenceObserver {
  /** A call has begun to be computed, so long after it came. */
  inferenceWaited(operation: Operation, ms: number): void;
  /** A batch was computed in this time. */
  inferenceBatch(operation: Operation, images: number, ms: number): void;
  inferenceStarted(): void;
  modelLoaded(result: 'loaded' | 'failed'): void;
}

const CLOCK: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

class InferenceClient implements Inference {
  readonly #options: Required<
    Pick<InferenceOptions, 'childModule' | 'directory' | 'callTimeoutMs' | 'loadWaitMs'>
  > &
    InferenceOptions;
  readonly #batcher: Batcher<Work>;
  readonly #models: LoadedModels;
  readonly #keeper: ChildKeeper;
  #isClosing = false;
  #nextId = 1;

  constructor(options: InferenceOptions) {
    this.#options = { callTimeoutMs: 20_000, loadWaitMs: 10_000, ...options };
    this.#models = new LoadedModels(options.maxModels ?? 3, {
      load: (modelId) => this.#keeper.child?.load(modelId, options.directory),
      unload: (modelId) => this.#keeper.child?.send({ type: 'unload', modelId }),
    });
    this.#batcher = new Batcher({
      ...options,
      clock: CLOCK,
      run: (_group, slices) => this.#runBatch(slices),
    });
    this.#batcher.pause();
    this.#keeper = new ChildKeeper(this.#models, this.#options, {
      onUp: () => this.#batcher.resume(),
      onDown: () => this.#batcher.pause(),
      onGivingUp: (error) => {
        this.#batcher.rejectAll(error);
        this.#models.rejectWaiting(error);
      },
    });
  }

  /** Resolves when the child is up or has failed to start. */
  start(): Promise<void> {
    return this.#keeper.start();
  }

  get ready(): boolean {
    return this.#keeper.isUp && this.#models.settled;
  }

  get device(): string | null {
    return this.#keeper.device;
  }

  get problem(): string | null {
    return this.#keeper.problem;
  }

  get pid(): number | undefined {
    return this.#keeper.child?.pid;
  }

  get engine(): EngineFacts | undefined {
    return this.#keeper.engine;
  }

  get waiting(): number {
    return this.#batcher.waiting;
  }

  isLoaded(modelId: string): boolean {
    return this.#keeper.isUp && this.#models.isLoaded(modelId);
  }

  get hasModel(): boolean {
    return this.#keeper.isUp && this.#models.some;
  }

  async ensure(model: ModelRecord): Promise<void> {
    this.#assertOpen();
    await this.#models.ensure(model.id);
  }

  /** Like ensure, but for a call somebody waits for: gives up in time, and keeps the model from being unloaded. */
  async #withModel<T>(
    model: ModelRecord,
    signal: AbortSignal | undefined,
    use: () => Promise<T>,
  ): Promise<T> {
    this.#assertOpen();
    if (this.#keeper.isHopeless) throw this.#keeper.unavailable();
    const release = this.#models.pin(model.id);
    try {
      if (!this.#models.isLoaded(model.id)) await this.#loadInTime(model.id, signal);
      return await use();
    } finally {
      release();
    }
  }

  async #loadInTime(modelId: string, signal: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController();
    const timeout = sleep(this.#options.loadWaitMs, 'late' as const, { signal: stop.signal, ref: false });
    const gone = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true, signal: stop.signal });
    });
    try {
      const outcome = await Promise.race([this.#models.ensure(modelId), timeout, gone]);
      if (outcome !== 'late') return;
      if (!this.#keeper.isUp) throw this.#keeper.unavailable();
      throw new StylographError(
        'model_loading',
        `Model ${modelId} is still loading. Try again in a moment.`,
        {
          retryAfter: 2,
        },
      );
    } finally {
      timeout.catch(() => {});
      stop.abort();
    }
  }

  async #submit(work: Work, options: CallOptions | undefined): Promise<Timings> {
    const timings = await this.#withModel(work.model, options?.signal, () => this.#queue(work, options));
    this.#options.observer?.inferenceWaited(work.operation, timings.queueMs);
    return timings;
  }

  async #queue(work: Work, options: CallOptions | undefined): Promise<Timings> {
    try {
      return await this.#batcher.submit({
        group: `${work.operation} ${work.model.id}`,
        count: work.count,
        cost: work.operation === 'explain' ? work.model.image.labels.length : 1,
        payload: work,
        signal: options?.signal,
      });
    } catch (error) {
      // The time went by while there was nobody to compute: asking for less would not help.
      const isAway = errorCodeOf(error) === 'deadline_exceeded' && !this.isLoaded(work.model.id);
      throw isAway ? this.#keeper.unavailable() : error;
    }
  }

  async #runBatch(slices: Slice<Work>[]): Promise<number> {
    // After a restart the model may still be on its way.
    await this.#models.ensure(slices[0]!.payload.model.id);
    const { child } = this.#keeper;
    if (!child) throw this.#keeper.unavailable();
    const answer = await child.call(joinSlices(this.#nextId++, slices));
    scatterAnswer(answer, slices);
    this.#keeper.proven();
    const { operation } = slices[0]!.payload;
    const images = slices.reduce((sum, { count }) => sum + count, 0);
    this.#options.observer?.inferenceBatch(operation, images, answer.computeMs);
    return answer.computeMs;
  }

  async decode(model: ModelRecord, latents: Float32Array, labels: Int32Array, options?: CallOptions) {
    const work = decodeWork(model, latents, labels);
    const timings = await this.#submit(work, options);
    return { pixels: work.outputs.pixels.values, timings };
  }

  async encode(model: ModelRecord, images: Uint8Array, labels: Int32Array, options?: CallOptions) {
    const work = encodeWork(model, images, labels);
    const timings = await this.#submit(work, options);
    return { mean: work.outputs.mean.values, logVar: work.outputs.logVar.values, timings };
  }

  async explain(model: ModelRecord, images: Uint8Array, options?: CallOptions) {
    const work = explainWork(model, images);
    const timings = await this.#submit(work, options);
    return { scores: work.outputs.scores.values, timings };
  }

  #assertOpen(): void {
    if (this.#isClosing) throw new StylographError('shutting_down', 'The server is shutting down.');
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const error = new StylographError('shutting_down', 'The server is shutting down.');
    this.#batcher.close(error);
    this.#models.rejectWaiting(error);
    await this.#keeper.close();
  }
}

/**
 * Starts the inference child and keeps one alive. Calls may come at once, and wait for it. `started` resolves when it is
 * up, or has failed for the first time (it is tried again with growing pauses; `problem` says why).
 */
export function launchInference(options: InferenceOptions): { inference: Inference; started: Promise<void> } {
  const client = new InferenceClient(options);
  return { inference: client, started: client.start() };
}

/** The same, once it has started. */
export async function startInference(options: InferenceOptions): Promise<Inference> {
  const { inference, started } = launchInference(options);
  await started;
  return inference;
}
