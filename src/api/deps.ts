import type { FastifyBaseLogger } from 'fastify';
import type { Dataset, DatasetInfo } from '../contracts/dataset.ts';
import type { RunEvents } from '../queue/events.ts';
import type { EventHub } from '../queue/hub.ts';
import type { MetricsQuery, Series } from '../queue/metrics.ts';
import type { RunStore } from '../queue/runs.ts';
import type { Inference } from '../serving/client.ts';
import type { FolderStore } from '../store/folders.ts';
import type { ModelRegistry } from '../store/models.ts';

/** Datasets as the API needs them; they are read in the process that gives them. */
export interface Datasets {
  list(): Promise<DatasetInfo[]>;
  /** @throws dataset_not_found, dataset_missing, dataset_corrupt */
  describe(id: string): Promise<DatasetInfo>;
  /** The pixels too. @throws as describe */
  load(id: string): Promise<Pick<Dataset, 'info' | 'train'>>;
}

export interface ApiLimits {
  /** Bytes of a JSON body. */
  bodyBytes: number;
  /** Bytes of an image, as a body or within JSON. */
  imageBytes: number;
  /** Pixels of an image once decoded. */
  imagePixels: number;
  /** Milliseconds between comments that keep an event stream open. */
  keepAliveMs: number;
}

export const DEFAULT_API_LIMITS: ApiLimits = {
  bodyBytes: 32 * 1024 * 1024,
  imageBytes: 8 * 1024 * 1024,
  imagePixels: 16_000_000,
  keepAliveMs: 15_000,
};

/** Everything the API works with; nothing else is reached from it. */
export interface ApiDeps {
  version: string;
  /** Records and events of runs, in Redis or wherever else they are kept. */
  runs: Pick<RunStore, 'create' | 'get' | 'list' | 'request' | 'remove'>;
  events: Pick<RunEvents, 'read' | 'newest' | 'knows'>;
  hub: Pick<EventHub, 'subscribe'>;
  metrics(runId: string, query: MetricsQuery): Promise<Series>;
  store: FolderStore;
  models: ModelRegistry;
  inference: Inference;
  datasets: Datasets;
  /** Rejects with redis_unavailable while Redis does not answer. */
  pingRedis(): Promise<void>;
  /** Keys that open the API, see parseApiKeys; with none it is open to whoever reaches it. */
  apiKeys?: readonly string[];
  /** Folder of the built dashboard; without one `/` is the JSON index for everybody. */
  dashboard?: string;
  limits?: Partial<ApiLimits>;
  logger?: FastifyBaseLogger;
}
