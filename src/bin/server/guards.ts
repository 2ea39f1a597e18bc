import type { ApiDeps, ApiLimits } from '../../api/deps.ts';
import type { DatasetLimits } from '../../core/contracts/dataset.ts';
import { AuditLog, KeyRing } from '../../platform/keys/index.ts';
import { auditLogOf, keysFileOf, type Settings } from '../../platform/settings/settings.ts';

const MIB = 1024 * 1024;

/** What must not be in a log, wherever a request or an error carries it. */
export const REDACTED = ['req.headers.authorization', 'req.headers.cookie', 'res.headers["set-cookie"]'];

function limitsFrom(settings: Settings): Partial<ApiLimits> {
  return {
    bodyBytes: settings.BODY_MIB * MIB,
    imageBytes: settings.IMAGE_MIB * MIB,
    imagePixels: settings.IMAGE_PIXELS,
    callPixels: settings.CALL_PIXELS,
    callImages: settings.CALL_IMAGES,
    sheetPixels: settings.SHEET_PIXELS,
    runBytes: settings.RUN_MEMORY_MIB * MIB,
    requestsPerMinute: settings.RATE_LIMIT,
    wrongKeysPerMinute: settings.AUTH_FAILURES,
    streamsPerKey: settings.STREAMS_PER_KEY,
    connections: settings.CONNECTIONS,
    headersTimeoutMs: settings.HEADERS_TIMEOUT * 1000,
    requestTimeoutMs: settings.REQUEST_TIMEOUT * 1000,
    filesTimeoutMs: settings.UPLOAD_TIMEOUT * 1000,
    idleTimeoutMs: settings.IDLE_TIMEOUT * 1000,
  };
}

/** How much an uploaded dataset may take. */
export const datasetLimitsOf = (settings: Settings): DatasetLimits => ({
  fileBytes: settings.DATASET_MIB * MIB,
  unpackedBytes: settings.DATASET_UNPACKED_MIB * MIB,
  images: settings.DATASET_IMAGES,
  imageBytes: settings.IMAGE_MIB * MIB,
  imagePixels: settings.IMAGE_PIXELS,
  pixels: settings.DATASET_PIXELS,
  uploads: settings.DATASET_UPLOADS,
});

/** Who may call, what is written down of it, and how much one client may take. @throws keys_file_invalid */
export async function openGuards(settings: Settings, warn: (message: string) => void) {
  const keys = await KeyRing.open({
    specs: settings.API_KEYS,
    file: keysFileOf(settings),
    onProblem: ({ message }) => warn(`The keys stay as they were: ${message}`),
  });
  const audit = new AuditLog(auditLogOf(settings), ({ message }) =>
    warn(`The audit log cannot be written: ${message}`),
  );
  const deps = {
    keys,
    audit: (entry) => audit.add(entry),
    allowedHosts: settings.ALLOWED_HOSTS,
    allowedOrigins: settings.CORS_ORIGINS,
    trustedProxies: settings.TRUST_PROXY,
    limits: limitsFrom(settings),
  } satisfies Partial<ApiDeps>;
  return { deps, close: () => audit.flush() };
}
