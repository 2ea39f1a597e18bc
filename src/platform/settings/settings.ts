import { join, resolve } from 'node:path';
import { z } from 'zod';
import { hasActiveKey, splitKeySpec } from '../keys/index.ts';
import { LIMITS } from './limits.ts';

const flag = z.enum(['0', '1']).transform((value) => value === '1');

/** `HOST`s that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

/** The scopes before the secret make it no harder to guess. */
const isLongKey = (spec: string): boolean => splitKeySpec(spec).secret.length >= 16;

/** Every setting, as an environment variable. The README's table is generated from it (scripts/write-settings.ts). */
export const SettingsSchema = z.object({
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8080)
    .describe('Port to listen on; 0 takes a free one.'),
  HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on. Beyond loopback, `API_KEYS` or a file of keys is needed.'),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .transform((path) => resolve(path))
    .describe('Folder of datasets, checkpoints, models, figures and the private Redis.'),
  STORE_URL: z
    .string()
    .regex(/^s3:\/\/[a-z0-9]/, 'must look like s3://bucket/prefix')
    .optional()
    .describe(
      'An S3-compatible bucket for checkpoints, models and figures, such as `s3://bucket/prefix?endpoint=http://host:9000`. Without it they are in `DATA_DIR`.',
    ),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://host:6379' })
    .optional()
    .describe(
      'A Redis or Valkey server (6.2 or newer, `maxmemory-policy noeviction`). Without it a private one is started.',
    ),
  REDIS_SERVER: z.string().min(1).optional().describe('The program of the private Redis; set-up finds one.'),
  API_KEYS: z
    .string()
    .default('')
    .transform((list) =>
      list
        .split(',')
        .map((key) => key.trim())
        .filter(Boolean),
    )
    .pipe(z.array(z.string().refine(isLongKey, 'holds a key of less than 16 characters')))
    .describe(
      'Comma-separated keys that open the API (`Authorization: Bearer …`); `infer:KEY` or `infer+train:KEY` open a part.',
    ),
  KEYS_FILE: z
    .string()
    .min(1)
    .transform((path) => resolve(path))
    .optional()
    .describe(
      'A file of keys that `stylograph keys` writes (digests, names, scopes, expiry); changes are in force within a second. Default `DATA_DIR/keys.json`.',
    ),
  AUDIT_LOG: z
    .string()
    .min(1)
    .transform((path) => resolve(path))
    .optional()
    .describe('Where who did what is appended, one JSON object a line. Default `DATA_DIR/audit.jsonl`.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must look like http://collector:4318' })
    .optional()
    .describe(
      'An OpenTelemetry collector (OTLP over HTTP): calls, queue and training are traced to it. Its other variables, such as `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_TRACES_SAMPLER`, hold too.',
    ),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('How much is logged.'),
  REQUIRE_GPU: flag.default(false).describe('1: refuse to compute without a GPU.'),
  ROLE: z
    .enum(['all', 'api', 'worker'])
    .default('all')
    .describe('What this process is: everything, the API alone, or a worker alone.'),
  DEMO: flag
    .default(true)
    .describe(
      '0: never enqueue a first run. 1: all-in-one with its own Redis and no model yet, it trains one `quick` model by itself.',
    ),
  INFERENCE_QUEUE: z.coerce
    .number()
    .int()
    .min(64)
    .max(10_000)
    .default(256)
    .describe('Inference requests that may wait; more are answered with 429.'),
  INFERENCE_MEMORY_MB: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(4096)
    .describe(
      'Resident memory of the inference process beyond which a fresh one takes its place, without a failed request; 0: never.',
    ),
  DRAIN_SECONDS: z.coerce
    .number()
    .min(0)
    .max(5)
    .default(0)
    .describe(
      'How long a server that is told to end goes on taking requests while `/health/ready` says 503, so that balancers notice.',
    ),
  RUN_QUEUE: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Runs that may wait for a worker; more are answered with 429.'),
  ...LIMITS,
});
export type Settings = z.infer<typeof SettingsSchema>;

/** The file of API keys. */
export const keysFileOf = ({ KEYS_FILE, DATA_DIR }: Pick<Settings, 'KEYS_FILE' | 'DATA_DIR'>): string =>
  KEYS_FILE ?? join(DATA_DIR, 'keys.json');

export const auditLogOf = ({ AUDIT_LOG, DATA_DIR }: Pick<Settings, 'AUDIT_LOG' | 'DATA_DIR'>): string =>
  AUDIT_LOG ?? join(DATA_DIR, 'audit.jsonl');

export const wantsTraces = ({ OTEL_EXPORTER_OTLP_ENDPOINT }: Settings): boolean =>
  OTEL_EXPORTER_OTLP_ENDPOINT !== undefined;

/** What is wrong with the settings, one line each; the process should end with exit code 2. */
export class SettingsProblem extends Error {
  constructor(problems: string[]) {
    super(`The settings need a change:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'SettingsProblem';
  }
}

function hasKeys(settings: Settings): boolean {
  if (settings.API_KEYS.length > 0) return true;
  try {
    return hasActiveKey(keysFileOf(settings));
  } catch (error) {
    throw new SettingsProblem([`KEYS_FILE: ${(error as Error).message}`]);
  }
}

/**
 * Reads the settings from environment variables; an empty variable counts as absent.
 *
 * @throws SettingsProblem naming every variable that is wrong, or API_KEYS when others could reach a server without.
 */
export function loadSettings(env: Record<string, string | undefined> = process.env): Settings {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = SettingsSchema.safeParse(given);
  if (!parsed.success) {
    throw new SettingsProblem(
      parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`),
    );
  }
  const settings = parsed.data;
  if (!isLoopback(settings.HOST) && settings.ROLE !== 'worker' && !hasKeys(settings)) {
    throw new SettingsProblem([
      `API_KEYS: HOST=${settings.HOST} lets other machines in; set API_KEYS to secret keys, make one with "stylograph keys create" (${keysFileOf(settings)} holds none that is valid), or leave HOST at 127.0.0.1.`,
    ]);
  }
  if (settings.ROLE !== 'all' && settings.REDIS_URL === undefined) {
    throw new SettingsProblem([
      `REDIS_URL: ROLE=${settings.ROLE} shares a Redis with others; name it in REDIS_URL.`,
    ]);
  }
  return settings;
}
