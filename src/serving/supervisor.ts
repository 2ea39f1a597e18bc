import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineFacts } from '../core/contracts/engine.ts';
import { StylographError } from '../core/errors.ts';
import { residentBytesOf } from '../platform/processes/proc.ts';
import type { LoadedModels } from './loaded-models.ts';
import { InferenceProcess, type ProcessEvents } from './process.ts';

const MEMORY_CHECK_MS = 1_000;
/** The shortest time between two replacements. */
const REPLACEMENT_PAUSE_MS = 60_000;
const FIRST_RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 10_000;
/** After this many failed starts in a row, calls are rejected at once instead of waiting. */
const MOST_FAILED_STARTS = 3;

export interface SupervisorOptions {
  childModule: string;
  directory: string;
  callTimeoutMs: number;
  memoryLimitMb?: number;
  onLog?(level: 'info' | 'warn' | 'error', message: string): void;
  observer?: { inferenceStarted(): void; modelLoaded(result: 'loaded' | 'failed'): void };
}

export interface SupervisorEvents {
  /** A child can compute. */
  onUp(): void;
  onDown(): void;
  /** Several starts in a row failed: callers should not wait. */
  onGivingUp(error: StylographError): void;
}

/**
 * Keeps one inference child alive: restarts it with growing delays when it ends, and replaces it when it exceeds its
 * memory limit, while it continues to answer.
 */
export class InferenceSupervisor {
  readonly #options: SupervisorOptions;
  readonly #events: SupervisorEvents;
  readonly #models: LoadedModels;
  readonly #closing = new AbortController();
  readonly #exits = new Set<Promise<void>>();
  readonly #memoryTimer: NodeJS.Timeout | undefined;
  #process: InferenceProcess | undefined;
  #replacement: Replacement | undefined;
  #noReplacementBefore = 0;
  #isUp = false;
  #device: string | null = null;
  #engine: EngineFacts | undefined;
  #problem: string | null = 'The inference process is starting';
  #failures = 0;

  constructor(models: LoadedModels, options: SupervisorOptions, events: SupervisorEvents) {
    this.#models = models;
    this.#options = options;
    this.#events = events;
    const limitBytes = (options.memoryLimitMb ?? 0) * 2 ** 20;
    if (limitBytes > 0) {
      this.#memoryTimer = setInterval(() => this.#checkMemory(limitBytes), MEMORY_CHECK_MS).unref();
    }
  }

  /** The child that answers calls, if any. */
  get child(): InferenceProcess | undefined {
    return this.#process;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get device(): string | null {
    return this.#device;
  }

  get engine(): EngineFacts | undefined {
    return this.#engine;
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** The child is down, and several starts in a row failed. */
  get hasGivenUp(): boolean {
    return !this.#isUp && this.#failures >= MOST_FAILED_STARTS;
  }

  /** Call when the child has computed a batch. */
  noteSuccess(): void {
    this.#failures = 0;
  }

  /** The error for a call that cannot be computed now. */
  unavailableError(): StylographError {
    return new StylographError(
      'inference_unavailable',
      `${this.#problem ?? 'The inference process is reloading its models'}. Try again after the time in Retry-After.`,
      { retryAfter: Math.ceil(restartDelay(this.#failures) / 1000) },
    );
  }

  /** Starts the child. Resolves when it is up or has failed to start. */
  start(): Promise<void> {
    return new Promise((started) => {
      this.#process = this.#launch(started);
    });
  }

  /** Starts a process that is either the answering child or its replacement when its events arrive. */
  #launch(onSettled: () => void = () => undefined): InferenceProcess {
    let child!: InferenceProcess;
    const exit = new Promise<void>((onExited) => {
      const events = this.#eventsOf(() => child, onSettled, onExited);
      child = new InferenceProcess(events, this.#options);
    });
    this.#exits.add(exit);
    void exit.then(() => this.#exits.delete(exit));
    return child;
  }

  #eventsOf(child: () => InferenceProcess, onSettled: () => void, onExited: () => void): ProcessEvents {
    const { observer, onLog } = this.#options;
    const isAnswering = (): boolean => child() === this.#process;
    const replacement = (): Replacement | undefined =>
      child() === this.#replacement?.process ? this.#replacement : undefined;
    return {
      onReady: (device) => {
        if (isAnswering()) this.#beginAnswering(device);
        else replacement()?.up();
        observer?.inferenceStarted();
        this.#replaceIfLoaded();
        onSettled();
      },
      onFacts: (facts) => {
        if (isAnswering()) this.#engine = facts;
      },
      onLoaded: (modelId) => {
        observer?.modelLoaded('loaded');
        if (isAnswering()) this.#models.loaded(modelId);
        else replacement()?.loaded(modelId);
        this.#replaceIfLoaded();
      },
      onLoadFailed: (modelId, error) => {
        observer?.modelLoaded('failed');
        if (isAnswering()) this.#models.failed(modelId, error);
        else replacement()?.failed(modelId);
        this.#replaceIfLoaded();
      },
      onFatal: (message) => onLog?.('error', `The inference process cannot start: ${message}`),
      onExit: (reason) => {
        if (isAnswering()) this.#afterExit(reason);
        if (replacement()) this.#replacement = undefined;
        onExited();
        onSettled();
      },
    };
  }

  #beginAnswering(device: string): void {
    this.#device = device;
    this.#isUp = true;
    this.#problem = null;
    this.#models.childStarted();
    this.#events.onUp();
  }

  #afterExit(reason: string): void {
    this.#process = undefined;
    this.#replacement?.process.kill('the process to replace has ended');
    this.#isUp = false;
    this.#engine = undefined;
    this.#events.onDown();
    this.#models.childLost();
    if (this.#closing.signal.aborted) return;
    const delay = restartDelay(this.#failures);
    this.#failures++;
    this.#problem = `The inference process ended (${reason}) and is being restarted`;
    this.#options.onLog?.('warn', `${this.#problem} in ${delay} ms`);
    if (this.hasGivenUp) this.#events.onGivingUp(this.unavailableError());
    sleep(delay, undefined, { signal: this.#closing.signal, ref: false }).then(
      () => this.start(),
      () => {},
    );
  }

  #checkMemory(limitBytes: number): void {
    const pid = this.#process?.pid;
    if (!this.#isUp || pid === undefined || this.#replacement || Date.now() < this.#noReplacementBefore)
      return;
    const bytes = residentBytesOf(pid) ?? 0;
    if (bytes <= limitBytes) return;
    const megabytes = (value: number): string => `${Math.round(value / 2 ** 20)} MB`;
    this.#options.onLog?.(
      'info',
      `Replacing the inference process: it uses ${megabytes(bytes)} of memory and its limit is ${megabytes(limitBytes)}`,
    );
    this.#noReplacementBefore = Date.now() + REPLACEMENT_PAUSE_MS;
    this.#replacement = new Replacement(this.#launch(), this.#options.directory);
  }

  #replaceIfLoaded(): void {
    const [old, replacement] = [this.#process, this.#replacement];
    if (!old || !replacement?.hasAll(this.#models.ids)) return;
    this.#process = replacement.process;
    this.#replacement = undefined;
    this.#models.childReplaced(replacement.modelIds);
    old.retire();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#memoryTimer);
    for (const child of [this.#process, this.#replacement?.process])
      child?.kill('the server is shutting down');
    await Promise.all(this.#exits);
  }
}

/** Milliseconds until the next start after so many failures. */
const restartDelay = (failures: number): number =>
  Math.min(MAX_RESTART_DELAY_MS, FIRST_RESTART_DELAY_MS * 2 ** failures);

/** A new process that loads the models of one that exceeded its memory limit, and then replaces it. */
class Replacement {
  readonly process: InferenceProcess;
  /** Models that it has loaded. */
  readonly modelIds = new Set<string>();
  readonly #directory: string;
  readonly #requested = new Set<string>();
  readonly #failed = new Set<string>();
  #isUp = false;

  constructor(process: InferenceProcess, directory: string) {
    this.process = process;
    this.#directory = directory;
  }

  up(): void {
    this.#isUp = true;
  }

  loaded(modelId: string): void {
    this.modelIds.add(modelId);
  }

  /** A model that cannot be loaded does not prevent the replacement. */
  failed(modelId: string): void {
    this.#failed.add(modelId);
  }

  /** Whether all these models are loaded. Requests those that are missing. */
  hasAll(modelIds: readonly string[]): boolean {
    if (!this.#isUp) return false;
    for (const modelId of modelIds) {
      if (this.#requested.has(modelId)) continue;
      this.#requested.add(modelId);
      this.process.load(modelId, this.#directory);
    }
    return modelIds.every((modelId) => this.modelIds.has(modelId) || this.#failed.has(modelId));
  }
}
