import type { ApiDeps, ApiLimits } from '../../api/deps.ts';
import type { DatasetLimits } from '../../core/contracts/dataset.ts';
import { AuditLog, KeyRing } from '../../platform/keys/index.ts';
import { auditLogOf, keysFileOf, type Settings } from '../../platform/settings/settings.ts';

const MIB = 1024 * 1024;

/** Fields of a log entry that are never written. */
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

/** Limits of an uploaded dataset. */
export const datasetLimitsOf = (settings: Settings): DatasetLimits => ({
  fileBytes: settings.DATASET_MIB * MIB,
  unpackedBytes: settings.DATASET_UNPACKED_MIB * MIB,
  images: settings.DATASET_IMAGES,
  imageBytes: settings.IMAGE_MIB * MIB,
  imagePixels: settings.IMAGE_PIXELS,
  pixels: settings.DATASET_PIXELS,
  uploads: settings.DATASET_UPLOADS,
});

/** Opens the API keys and the audit log, and sets the limits of one client. @throws keys_file_invalid */
export async function openAccess(settings: Settings, warn: (message: string) => void) {
  const keys = await KeyRing.open({
    specs: settings.API_KEYS,
    file: keysFileOf(settings),
    onProblem: ({ message }) => warn(`The API keys have not been reloaded: ${message}`),
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
