import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds, from a cached answer to the longest possible call. */
const CALL_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64];

/** Memory of a process, as it or the system reports it. */
export interface ProcessFacts {
  residentBytes: number;
  tensors?: number | undefined;
  tensorBytes?: number | undefined;
}

/**
 * All metrics of a process, in their own registry. Names follow Prometheus's conventions: base units, `_total` for
 * counters. Labels have few values: the pattern of a route, never its URL.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #before: (() => Promise<void>)[] = [];

  readonly #http = this.#histogram(
    'http_request_duration_seconds',
    'From the first byte of a request to the last byte of its answer, or until the client disconnected (status 499 if no status was sent). Without event streams.',
    ['method', 'route', 'status'],
    CALL_BUCKETS,
  );
  readonly #wait = this.#histogram(
    'inference_wait_seconds',
    'From the submission of an inference call to its first batch.',
    ['operation'],
    CALL_BUCKETS,
  );
  readonly #batchSeconds = this.#histogram(
    'inference_batch_seconds',
    'Computation of one batch.',
    ['operation'],
    CALL_BUCKETS,
  );
  readonly #batchImages = this.#histogram(
    'inference_batch_images',
    'Images of one batch.',
    ['operation'],
    BATCH_BUCKETS,
  );
  readonly #loads = this.#counter(
    'model_loads_total',
    'Models that the inference process loaded or failed to load.',
    ['result'],
  );
  readonly #swaps = this.#counter(
    'model_swaps_total',
    'Times that an alias started to answer with another model.',
    [],
  );
  readonly #starts = this.#counter('inference_starts_total', 'Starts of the inference process.', []);
  readonly #lookups = this.#counter(
    'model_lookups_total',
    'Look-ups of a model by name, from memory or from the store.',
    ['from'],
  );

  readonly #deliveries = this.#counter('webhook_attempts_total', 'Attempts to deliver a webhook.', [
    'outcome',
  ]);

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Media type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus's text format. The values of a failed collector stay unchanged. */
  async text(): Promise<string> {
    await Promise.allSettled(this.#before.map((collect) => collect()));
    return await this.#registry.metrics();
  }

  /** Registers a function that runs before each reading. */
  collectWith(collect: () => Promise<void>): void {
    this.#before.push(collect);
  }

  httpRequest(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#http.observe(labels, seconds);
  }

  inferenceWaited(operation: string, ms: number): void {
    this.#wait.observe({ operation }, ms / 1000);
  }

  inferenceBatch(operation: string, images: number, ms: number): void {
    this.#batchSeconds.observe({ operation }, ms / 1000);
    this.#batchImages.observe({ operation }, images);
  }

  modelLoaded(result: 'loaded' | 'failed'): void {
    this.#loads.inc({ result });
  }

  modelSwapped(): void {
    this.#swaps.inc();
  }

  modelLookedUp(from: 'memory' | 'store'): void {
    this.#lookups.inc({ from });
  }

  webhookAttempted(outcome: 'delivered' | 'retrying' | 'failed'): void {
    this.#deliveries.inc({ outcome });
  }

  inferenceStarted(): void {
    this.#starts.inc();
  }

  gauge<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return new Gauge({ name: `stylograph_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name: `stylograph_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets: number[],
  ): Histogram<L> {
    return new Histogram({
      name: `stylograph_${name}`,
      help,
      labelNames,
      buckets,
      registers: [this.#registry],
    });
  }
}
