import type { Readable } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import { type DatasetInfo, type DatasetUpload, DEFAULT_DATASET_LIMITS } from '../core/contracts/dataset.ts';
import type { StylographError } from '../core/errors.ts';
import type { EncodingTask } from '../figures/encode-film.ts';
import type { AuditEntry, KeyRing } from '../platform/keys/index.ts';
import type { Sessions } from '../platform/keys/sessions.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import type { Tracing } from '../platform/telemetry/trace.ts';
import type { RunEvents } from '../runs/redis/events.ts';
import type { EventHub } from '../runs/redis/hub.ts';
import type { MetricsQuery, Series } from '../runs/redis/metrics.ts';
import type { RunStore } from '../runs/redis/run-store.ts';
import type { Webhooks } from '../runs/webhooks/deliveries.ts';
import type { Inference } from '../serving/client.ts';
import type { FolderStore } from '../store/folder-store.ts';
import type { ModelRegistry } from '../store/models.ts';

/** The files of one upload until they are imported. */
export interface PendingUpload {
  /** Limit for all files together, in bytes. */
  readonly limit: number;
  /** The error for an upload over the limit. */
  tooLarge(): StylographError;
  /** @throws body_too_large, invalid_dataset, disk_full */
  addFile(name: string, file: Readable): Promise<void>;
  /** @throws invalid_dataset, disk_full, child_died */
  import(fields: DatasetUpload, signal: AbortSignal): Promise<{ info: DatasetInfo; added: boolean }>;
  /** Deletes the files. Call it at the end, after success and failure alike. */
  discard(): Promise<void>;
}

/** The datasets of a server. */
export interface Datasets {
  list(): Promise<DatasetInfo[]>;
  /** @throws dataset_not_found, dataset_missing, dataset_corrupt */
  describe(id: string): Promise<DatasetInfo>;
  /** A PNG of sample images of each label. @throws as describe */
  sheet(info: DatasetInfo): Promise<Uint8Array>;
  /** @throws queue_full */
  receive(): Promise<PendingUpload>;
  /** @throws dataset_built_in, dataset_not_found */
  remove(id: string): Promise<void>;
}

/** What one client may use. */
export interface ApiLimits {
  /** Bytes of a JSON body. */
  bodyBytes: number;
  /** Bytes of one image, as a body or in JSON. */
  imageBytes: number;
  /** Bytes of a model archive. */
  archiveBytes: number;
  /** Pixels of one image once decoded. */
  imagePixels: number;
  /** Pixels of all images of a call once decoded. */
  callPixels: number;
  /** Images that the model decodes in one call. */
  callImages: number;
  /** Pixels of one sheet. */
  sheetPixels: number;
  /** Estimated memory of one run, in bytes. */
  runBytes: number;
  /** Per key; 0 for no limit. */
  requestsPerMinute: number;
  /** Per address. */
  wrongKeysPerMinute: number;
  /** Open event streams per key, or per address on a server without keys. */
  streamsPerKey: number;
  /** Open connections. */
  connections: number;
  /** Milliseconds until the headers have arrived. */
  headersTimeoutMs: number;
  /** Milliseconds until a whole request without files has arrived. */
  requestTimeoutMs: number;
  /** Milliseconds until a whole request with files has arrived. */
  filesTimeoutMs: number;
  /** Milliseconds without a byte in either direction. */
  idleTimeoutMs: number;
  /** Milliseconds between comments that keep an event stream open. */
  keepAliveMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_API_LIMITS: ApiLimits = {
  bodyBytes: 32 * MIB,
  imageBytes: DEFAULT_DATASET_LIMITS.imageBytes,
  archiveBytes: 128 * MIB,
  imagePixels: DEFAULT_DATASET_LIMITS.imagePixels,
  callPixels: 64_000_000,
  callImages: 4_096,
  sheetPixels: 16_000_000,
  runBytes: Number.POSITIVE_INFINITY,
  requestsPerMinute: 1_200,
  wrongKeysPerMinute: 30,
  streamsPerKey: 64,
  connections: 2_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  filesTimeoutMs: 3_600_000,
  idleTimeoutMs: 300_000,
  keepAliveMs: 15_000,
};

/** Records measurements, and reports them in Prometheus's format. */
export type Meter = Pick<Metrics, 'httpRequest' | 'modelSwapped' | 'modelLookedUp' | 'text' | 'contentType'>;

/** Everything that the API depends on. */
export interface ApiDeps {
  version: string;
  /** Run records, in Redis or in local journals. */
  runs: Pick<RunStore, 'create' | 'get' | 'list' | 'request' | 'remove'>;
  events: Pick<RunEvents, 'read' | 'newest' | 'knows'>;
  hub: Pick<EventHub, 'subscribe'>;
  metrics(runId: string, query: MetricsQuery): Promise<Series>;
  store: FolderStore;
  models: ModelRegistry;
  inference: Inference;
  datasets: Datasets;
  /** @throws child_died */
  encodeFilm(task: EncodingTask): Promise<Uint8Array>;
  /** Whether this server is about to close. It still answers, but reports that it is not ready. */
  isClosing?(): boolean;
  /** @throws redis_unavailable */
  pingRedis(): Promise<void>;
  /** API keys. Without any, every client has full access. */
  keys?: KeyRing;
  /** Without it, nothing is measured and /metrics does not exist. */
  meter?: Meter;
  /** Without it, calls are not traced. */
  tracing?: Pick<Tracing, 'startRequest'>;
  /** Without it, runs cannot have webhooks. */
  webhooks?: Pick<Webhooks, 'test' | 'deliveries'> & {
    /** @throws webhook_refused */
    check(url: string): void;
    generateSecret(): string;
  };
  /** BullMQ queues for the board at /queues. Without them or `sessions` there is no board. */
  queues?: () => readonly (RunStore['queue'] | Webhooks['queue'])[];
  /** Browser sessions for the board. */
  sessions?: Sessions;
  /** Records who did what. */
  audit?: (entry: AuditEntry) => void;
  /** Host names that a server without keys accepts besides loopback. */
  allowedHosts?: readonly string[];
  /** Origins whose pages may call the API from a browser; none by default. */
  allowedOrigins?: readonly string[];
  /** Addresses or CIDRs of reverse proxies whose X-Forwarded-For header is trusted. */
  trustedProxies?: readonly string[];
  /** Folder of the built dashboard. Without one, `/` is always the JSON index. */
  dashboard?: string;
  limits?: Partial<ApiLimits>;
  logger?: FastifyBaseLogger;
}
