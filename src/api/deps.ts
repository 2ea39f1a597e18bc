import type { Readable } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import type { DatasetInfo, DatasetUpload } from '../core/contracts/dataset.ts';
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
  /** The error of an upload beyond the limit. */
  tooLarge(): StylographError;
  /** @throws body_too_large, invalid_dataset, disk_full */
  addFile(name: string, file: Readable): Promise<void>;
  /** @throws invalid_dataset, disk_full, child_died */
  import(fields: DatasetUpload, signal: AbortSignal): Promise<{ info: DatasetInfo; added: boolean }>;
  /** Call it whatever the outcome. */
  discard(): Promise<void>;
}

/** Datasets as the API needs them; they are read in the process that gives them. */
export interface Datasets {
  list(): Promise<DatasetInfo[]>;
  /** @throws dataset_not_found, dataset_missing, dataset_corrupt */
  describe(id: string): Promise<DatasetInfo>;
  /** Some images of each label as a PNG. @throws as describe */
  sheet(info: DatasetInfo): Promise<Uint8Array>;
  /** @throws queue_full */
  receive(): Promise<PendingUpload>;
  /** @throws dataset_built_in, dataset_not_found */
  remove(id: string): Promise<void>;
}

export interface ApiLimits {
  /** Bytes of a JSON body. */
  bodyBytes: number;
  /** Bytes of an image, as a body or within JSON. */
  imageBytes: number;
  /** Bytes of a model's archive. */
  archiveBytes: number;
  /** Pixels of an image once decoded. */
  imagePixels: number;
  /** Pixels of all images of a call once decoded. */
  callPixels: number;
  /** Images that a call may have decoded by the model. */
  callImages: number;
  /** Pixels of a sheet that a call may have drawn. */
  sheetPixels: number;
  /** Bytes that a run may need by its estimate. */
  runBytes: number;
  /** For each key; 0 for any number. */
  requestsPerMinute: number;
  /** From one address. */
  wrongKeysPerMinute: number;
  /** Event streams open at a time for each key, or each address where no keys are needed. */
  streamsPerKey: number;
  /** Connections open at a time. */
  connections: number;
  /** Milliseconds in which the headers, the whole of a request, and one that brings files must have arrived. */
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  filesTimeoutMs: number;
  /** Milliseconds without a byte in either direction. */
  idleTimeoutMs: number;
  /** Milliseconds between comments that keep an event stream open. */
  keepAliveMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_API_LIMITS: ApiLimits = {
  bodyBytes: 32 * MIB,
  imageBytes: 8 * MIB,
  archiveBytes: 128 * MIB,
  imagePixels: 16_000_000,
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

export const limitsOf = ({ limits }: Pick<ApiDeps, 'limits'>): ApiLimits => ({
  ...DEFAULT_API_LIMITS,
  ...limits,
});

/** Takes measurements, and tells them. */
export type Meter = Pick<Metrics, 'httpRequest' | 'modelSwapped' | 'modelLookedUp' | 'text' | 'contentType'>;

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
  /** @throws child_died */
  encodeFilm(task: EncodingTask): Promise<Uint8Array>;
  /** Whether this server is about to close: it answers still, but says that it is not ready for more. */
  isClosing?(): boolean;
  /** Rejects with redis_unavailable while Redis does not answer. */
  pingRedis(): Promise<void>;
  /** Keys that open the API; without any it is open to whoever reaches it. */
  keys?: KeyRing;
  /** Without one nothing is measured, and there is no /metrics. */
  meter?: Meter;
  /** Without it calls are not traced. */
  tracing?: Pick<Tracing, 'startRequest'>;
  /** Without them no run has a webhook. */
  webhooks?: Pick<Webhooks, 'test' | 'deliveries'> & {
    /** @throws webhook_refused */
    check(url: string): void;
    drawSecret(): string;
  };
  /** BullMQ's queues and browser sessions, for the board at /queues; without them there is none. */
  queues?: () => readonly (RunStore['queue'] | Webhooks['queue'])[];
  sessions?: Sessions;
  /** Told who did what. */
  audit?: (entry: AuditEntry) => void;
  /** Names besides loopback ones by which a server without keys may be called. */
  allowedHosts?: readonly string[];
  /** Origins whose pages may call the API through a browser; none when not given. */
  allowedOrigins?: readonly string[];
  /** Addresses or CIDRs of reverse proxies whose X-Forwarded-For is believed. */
  trustedProxies?: readonly string[];
  /** Folder of the built dashboard; without one `/` is the JSON index for everybody. */
  dashboard?: string;
  limits?: Partial<ApiLimits>;
  logger?: FastifyBaseLogger;
}
