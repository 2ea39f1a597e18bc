import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineFacts } from '../core/contracts/engine.ts';
import { StylographError } from '../core/errors.ts';
import { residentBytesOf } from '../platform/processes/proc.ts';
import type { LoadedModels } from './loaded.ts';
import { InferenceProcess } from './process.ts';
import { Replacement } from './replacement.ts';

/** How often the child's memory is looked at, and the shortest time from one replacement to the next. */
const MEMORY_LOOK_MS = 1_000;
const REPLACEMENT_PAUSE_MS = 60_000;
const MAX_BACKOFF_MS = 10_000;
/** Starts that may fail in a row before calls are refused at once instead of waiting. */
const PATIENT_STARTS = 3;

export interface KeeperOptions {
  childModule: string;
  directory: string;
  callTimeoutMs: number;
  memoryLimitMb?: number;
  onLog?(level: 'info' | 'warn' | 'error', message: string): void;
  observer?: { inferenceStarted(): void; modelLoaded(result: 'loaded' | 'failed'): void };
}

export interface KeeperEvents {
  /** There is a child to compute; there is none. */
  onUp(): void;
  onDown(): void;
  /** It could not be started several times in a row: nobody should wait. */
  onGivingUp(error: StylographError): void;
}

/**
 * Keeps one inference child alive: starts it again with growing pauses when it ends, and replaces one that has grown
 * beyond its limit by a fresh one while it goes on answering.
 */
export class ChildKeeper {
  readonly #options: KeeperOptions;
  readonly #events: KeeperEvents;
  readonly #models: LoadedModels;
  readonly #closing = new AbortController();
  readonly #exits = new Set<Promise<void>>();
  readonly #memoryTimer: NodeJS.Timeout | undefined;
  #process: InferenceProcess | undefined;
  #replacement: Replacement | undefined;
  #noReplacementBefore = 0;
  #up = false;
  #device: string | null = null;
  #engine: EngineFacts | undefined;
  #problem: string | null = 'The inference process is starting';
  #failures = 0;

  constructor(models: LoadedModels, options: KeeperOptions, events: KeeperEvents) {
    this.#models = models;
    this.#options = options;
    this.#events = events;
    const limitBytes = (options.memoryLimitMb ?? 0) * 2 ** 20;
    if (limitBytes > 0) {
      this.#memoryTimer = setInterval(() => this.#lookAtMemory(limitBytes), MEMORY_LOOK_MS).unref();
    }
  }

  /** The child that answers, while there is one. */
  get child(): InferenceProcess | undefined {
    return this.#process;
  }

  get isUp(): boolean {
    return this.#up;
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

  /** Whether it is down and has been for several starts. */
  get isHopeless(): boolean {
    return !this.#up && this.#failures >= PATIENT_STARTS;
  }

  /** The child has computed something. */
  proven(): void {
    this.#failures = 0;
  }

  /** What a call is told that cannot be computed now. */
  unavailable(): StylographError {
    return new StylographError(
      'inference_unavailable',
      `${this.#problem ?? 'The inference process loads its models again'}. Try again after the time in Retry-After.`,
      { retryAfter: Math.ceil(Math.min(MAX_BACKOFF_MS, 100 * 2 ** this.#failures) / 1000) },
    );
  }

  /** Spawns the child; resolves when it is up or has failed to start. */
  start(): Promise<void> {
    return new Promise((started) => {
      this.#process = this.#launch(started);
    });
  }

  /** A process, whose words count according to whether it is the one that answers, or is to be. */
  #launch(settled: () => void = () => undefined): InferenceProcess {
    let launched!: InferenceProcess;
    const exit = new Promise<void>((exited) => {
      const child: InferenceProcess = new InferenceProcess(
        {
          onReady: (device) => {
            if (child === this.#process) this.#serve(device);
            else this.#replacementIf(child)?.up();
            this.#options.observer?.inferenceStarted();
            this.#replaceIfFilled();
            settled();
          },
          onFacts: (facts) => {
            if (child === this.#process) this.#engine = facts;
          },
          onLoaded: (modelId) => {
            this.#options.observer?.modelLoaded('loaded');
            if (child === this.#process) this.#models.loaded(modelId);
            else this.#replacementIf(child)?.loaded(modelId);
            this.#replaceIfFilled();
          },
          onLoadFailed: (modelId, error) => {
            this.#options.observer?.modelLoaded('failed');
            if (child === this.#process) this.#models.failed(modelId, error);
            else this.#replacementIf(child)?.failed(modelId);
            this.#replaceIfFilled();
          },
          onFatal: (message) =>
            this.#options.onLog?.('error', `The inference process cannot start: ${message}`),
          onExit: (reason) => {
            if (child === this.#process) this.#afterExit(reason);
            if (this.#replacementIf(child)) this.#replacement = undefined;
            exited();
            settled();
          },
        },
        this.#options,
      );
      launched = child;
    });
    this.#exits.add(exit);
    void exit.then(() => this.#exits.delete(exit));
    return launched;
  }

  #replacementIf(child: InferenceProcess): Replacement | undefined {
    return child === this.#replacement?.process ? this.#replacement : undefined;
  }

  #serve(device: string): void {
    this.#device = device;
    this.#up = true;
    this.#problem = null;
    this.#models.childStarted();
    this.#events.onUp();
  }

  #afterExit(reason: string): void {
    this.#process = undefined;
    this.#replacement?.process.kill('the process it was to replace has ended');
    this.#up = false;
    this.#engine = undefined;
    this.#events.onDown();
    this.#models.childLost();
    if (this.#closing.signal.aborted) return;
    this.#failures++;
    this.#problem = `The inference process ended (${reason}) and is being restarted`;
    const delay = Math.min(MAX_BACKOFF_MS, 100 * 2 ** (this.#failures - 1));
    this.#options.onLog?.('warn', `${this.#problem} in ${delay} ms`);
    if (this.isHopeless) this.#events.onGivingUp(this.unavailable());
    sleep(delay, undefined, { signal: this.#closing.signal, ref: false }).then(
      () => this.start(),
      () => {},
    );
  }

  /** A process that has grown beyond its limit is replaced by a fresh one while it goes on answering. */
  #lookAtMemory(limitBytes: number): void {
    const pid = this.#process?.pid;
    if (!this.#up || pid === undefined || this.#replacement || Date.now() < this.#noReplacementBefore) return;
    const bytes = residentBytesOf(pid) ?? 0;
    if (bytes <= limitBytes) return;
    const megabytes = (value: number): string => `${Math.round(value / 2 ** 20)} MB`;
    const what = `The inference process holds ${megabytes(bytes)} and may hold ${megabytes(limitBytes)}`;
    this.#options.onLog?.('info', `${what}; a fresh one takes its place`);
    this.#noReplacementBefore = Date.now() + REPLACEMENT_PAUSE_MS;
    this.#replacement = new Replacement(this.#launch(), this.#options.directory);
  }

  #replaceIfFilled(): void {
    const [old, replacement] = [this.#process, this.#replacement];
    if (!old || !replacement?.has(this.#models.ids)) return;
    this.#process = replacement.process;
    this.#replacement = undefined;
    this.#models.childReplaced(replacement.held);
    void old.retire();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#memoryTimer);
    for (const child of [this.#process, this.#replacement?.process])
      child?.kill('the server is shutting down');
    await Promise.all(this.#exits);
  }
}
