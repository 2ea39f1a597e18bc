import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineFacts } from '../core/contracts/engine.ts';
import type { ModelRecord } from '../core/contracts/model.ts';
import { errorCodeOf, StylographError } from '../core/errors.ts';
import { Batcher, type BatcherLimits, type Clock, type Slice, type Timings } from './batcher.ts';
import { LoadedModels } from './loaded-models.ts';
import type { InferenceCall } from './process.ts';
import { InferenceSupervisor } from './supervisor.ts';

export type { Timings } from './batcher.ts';

export interface CallOptions {
  /** Its abort removes the call from the queue. */
  signal?: AbortSignal;
}

/** Inference as the API uses it. Images are bytes, count × height × width × channels, 255 is ink. */
export interface Inference {
  /** The child is up and has reloaded the models of the child before it. */
  readonly ready: boolean;
  /** The device that computes; null until the child is up. */
  readonly device: string | null;
  /** Why the child is not up; null when it is. */
  readonly problem: string | null;
  /** Process id of the child, if it exists. */
  readonly pid: number | undefined;
  /** The child's last report of its memory, if it is up. */
  readonly engine: EngineFacts | undefined;
  /** Calls in the queue. */
  readonly waiting: number;
  isLoaded(modelId: string): boolean;
  /** At least one model is loaded and can answer. */
  readonly hasModel: boolean;
  /** Loads a model beside the others. Beyond the limit, the least recently used ones are unloaded. */
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
  /** @returns `scores`: count × labels log-evidences, each up to a constant per image */
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
  /** Maximum number of loaded models. */
  maxModels?: number;
  /** The child is killed when a batch takes longer. */
  callTimeoutMs?: number;
  /** How long a call waits for its model, or for a starting child. */
  loadWaitMs?: number;
  /** Resident memory, in MB, beyond which the child is replaced without a pause; 0: never. */
  memoryLimitMb?: number;
  onLog?(level: 'info' | 'warn' | 'error', message: string): void;
  observer?: InferenceObserver;
}

type Operation = InferenceCall['operation'];

/** Receives measurements. */
export interface InferenceObserver {
  /** The first batch of a call started, `ms` after the call was queued. */
  inferenceWaited(operation: Operation, ms: number): void;
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
  readonly #batcher: Batcher<InferenceCall>;
  readonly #models: LoadedModels;
  readonly #supervisor: InferenceSupervisor;
  #isClosing = false;

  constructor(options: InferenceOptions) {
    this.#options = { callTimeoutMs: 20_000, loadWaitMs: 10_000, ...options };
    this.#models = new LoadedModels(options.maxModels ?? 3, {
      load: (modelId) => this.#supervisor.child?.load(modelId, options.directory),
      unload: (modelId) => this.#supervisor.child?.unload(modelId),
    });
    this.#batcher = new Batcher({
      ...options,
      clock: CLOCK,
      run: (_group, slices) => this.#runBatch(slices),
    });
    this.#batcher.pause();
    this.#supervisor = new InferenceSupervisor(this.#models, this.#options, {
      onUp: () => this.#batcher.resume(),
      onDown: () => this.#batcher.pause(),
      onGivingUp: (error) => {
        this.#batcher.rejectAll(error);
        this.#models.rejectWaiting(error);
      },
    });
  }

  /** Starts the child. Resolves when it is up or has failed to start. */
  start(): Promise<void> {
    return this.#supervisor.start();
  }

  get ready(): boolean {
    return this.#supervisor.isUp && this.#models.isRestored;
  }

  get device(): string | null {
    return this.#supervisor.device;
  }

  get problem(): string | null {
    return this.#supervisor.problem;
  }

  get pid(): number | undefined {
    return this.#supervisor.child?.pid;
  }

  get engine(): EngineFacts | undefined {
    return this.#supervisor.engine;
  }

  get waiting(): number {
    return this.#batcher.waiting;
  }

  isLoaded(modelId: string): boolean {
    return this.#supervisor.isUp && this.#models.isLoaded(modelId);
  }

  get hasModel(): boolean {
    return this.#supervisor.isUp && this.#models.hasAny;
  }

  async ensure(model: ModelRecord): Promise<void> {
    this.#assertOpen();
    await this.#models.ensure(model.id);
  }

  /** Loads a model in time for a call, and prevents that it is unloaded during the call. */
  async #withModel<T>(
    model: ModelRecord,
    signal: AbortSignal | undefined,
    use: () => Promise<T>,
  ): Promise<T> {
    this.#assertOpen();
    if (this.#supervisor.hasGivenUp) throw this.#supervisor.unavailableError();
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
      if (!this.#supervisor.isUp) throw this.#supervisor.unavailableError();
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

  async #submit(call: InferenceCall, options: CallOptions | undefined): Promise<Timings> {
    const timings = await this.#withModel(call.model, options?.signal, () => this.#queue(call, options));
    this.#options.observer?.inferenceWaited(call.operation, timings.queueMs);
    return timings;
  }

  async #queue(call: InferenceCall, options: CallOptions | undefined): Promise<Timings> {
    try {
      return await this.#batcher.submit({
        group: `${call.operation} ${call.model.id}`,
        count: call.count,
        cost: call.operation === 'explain' ? call.model.image.labels.length : 1,
        payload: call,
        signal: options?.signal,
      });
    } catch (error) {
      // The deadline passed while no child could compute: the advice to request fewer images would be wrong.
      const isAway = errorCodeOf(error) === 'deadline_exceeded' && !this.isLoaded(call.model.id);
      throw isAway ? this.#supervisor.unavailableError() : error;
    }
  }

  async #runBatch(slices: Slice<InferenceCall>[]): Promise<number> {
    const { model, operation } = slices[0]!.payload;
    // After a restart the model may still be loading.
    await this.#models.ensure(model.id);
    const { child } = this.#supervisor;
    if (!child) throw this.#supervisor.unavailableError();
    const computeMs = await child.compute(slices);
    this.#supervisor.noteSuccess();
    const images = slices.reduce((sum, { count }) => sum + count, 0);
    this.#options.observer?.inferenceBatch(operation, images, computeMs);
    return computeMs;
  }

  async decode(model: ModelRecord, latents: Float32Array, labels: Int32Array, options?: CallOptions) {
    const count = labels.length;
    const pixels = new Uint8Array(count * pixelsPerImage(model));
    const call = {
      operation: 'decode',
      model,
      count,
      inputs: { latents, labels },
      outputs: { pixels },
    } as const;
    return { pixels, timings: await this.#submit(call, options) };
  }

  async encode(model: ModelRecord, images: Uint8Array, labels: Int32Array, options?: CallOptions) {
    const count = labels.length;
    const mean = new Float32Array(count * model.latentDim);
    const logVar = new Float32Array(count * model.latentDim);
    const outputs = { mean, logVar };
    const call = { operation: 'encode', model, count, inputs: { images, labels }, outputs } as const;
    return { mean, logVar, timings: await this.#submit(call, options) };
  }

  async explain(model: ModelRecord, images: Uint8Array, options?: CallOptions) {
    const count = images.length / pixelsPerImage(model);
    const scores = new Float32Array(count * model.image.labels.length);
    const call = { operation: 'explain', model, count, inputs: { images }, outputs: { scores } } as const;
    return { scores, timings: await this.#submit(call, options) };
  }

  #assertOpen(): void {
    if (this.#isClosing) throw new StylographError('shutting_down', 'The server is shutting down.');
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const error = new StylographError('shutting_down', 'The server is shutting down.');
    this.#batcher.close(error);
    this.#models.rejectWaiting(error);
    await this.#supervisor.close();
  }
}

const pixelsPerImage = ({ image }: ModelRecord): number => image.width * image.height * image.channels;

/**
 * Starts the inference child and keeps one alive. Calls wait until it is up. `started` resolves when it is up or its
 * first start has failed; further starts follow with growing delays, and `problem` names the cause.
 */
export function launchInference(options: InferenceOptions): { inference: Inference; started: Promise<void> } {
  const client = new InferenceClient(options);
  return { inference: client, started: client.start() };
}

/** Like `launchInference`, after `started`. */
export async function startInference(options: InferenceOptions): Promise<Inference> {
  const { inference, started } = launchInference(options);
  await started;
  return inference;
}
