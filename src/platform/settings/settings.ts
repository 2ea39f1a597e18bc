import { join, resolve } from 'node:path';
import { z } from 'zod';
import { plainMessage } from '../../core/validation-messages.ts';
import { hasActiveKey, splitKeySpec } from '../keys/index.ts';
import { NETWORK_SETTINGS, RATE_SETTINGS, SIZE_SETTINGS } from './limits.ts';
import { absolutePath, flag, listOf, wholeNumber } from './values.ts';

const MIN_KEY_LENGTH = 16;

/** Scopes before the secret do not make it harder to guess. */
const isLongKey = (spec: string): boolean => splitKeySpec(spec).secret.length >= MIN_KEY_LENGTH;

const SERVER_SETTINGS = {
  PORT: wholeNumber(
    { min: 0, max: 65_535, standard: 8080 },
    'Port of the HTTP server; 0 selects a free port.',
  ),
  HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address of the HTTP server. An address that other machines reach requires API keys.'),
  ROLE: z
    .enum(['all', 'api', 'worker'])
    .default('all')
    .describe(
      'What this process runs: `all` for server and worker, `api` for the server only, `worker` for a worker only.',
    ),
  DEMO: flag(
    true,
    'With 1, a server that has its own Redis, its own worker and no model yet trains one `quick` model. With 0, it does not.',
  ),
  DRAIN_SECONDS: z.coerce
    .number()
    .min(0)
    .max(5)
    .default(0)
    .describe(
      'Seconds during which a stopping server still accepts requests while `/health/ready` answers 503, so that load balancers notice.',
    ),
  REQUIRE_GPU: flag(false, 'With 1, computing without a GPU is an error.'),
  INFERENCE_MEMORY_MB: wholeNumber(
    { min: 0, max: 1_000_000, standard: 4096 },
    'Resident memory of the inference process, in MB, beyond which a new process replaces it without a failed request. 0 means never.',
  ),
};

const STORAGE_SETTINGS = {
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .transform((text) => resolve(text))
    .describe('Folder for datasets, checkpoints, models, figures and the private Redis.'),
  STORE_URL: z
    .string()
    .regex(/^s3:\/\/[a-z0-9]/, 'must look like s3://bucket/prefix')
    .optional()
    .describe(
      'An S3-compatible bucket for checkpoints, models and figures, such as `s3://bucket/prefix?endpoint=http://host:9000`. The default is `DATA_DIR`.',
    ),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://host:6379' })
    .optional()
    .describe(
      'A Redis or Valkey server (6.2 or newer, with `maxmemory-policy noeviction`). By default the server starts a private one.',
    ),
  REDIS_SERVER: z
    .string()
    .min(1)
    .optional()
    .describe('Path of the program that the private Redis runs. `npm start` finds one.'),
};

const ACCESS_SETTINGS = {
  API_KEYS: listOf(
    z.string().refine(isLongKey, `contains a key with fewer than ${MIN_KEY_LENGTH} characters`),
    'Comma-separated API keys (`Authorization: Bearer …`). A prefix limits what a key allows: `infer:KEY`, `infer+train:KEY`.',
  ),
  KEYS_FILE: absolutePath()
    .optional()
    .describe(
      'The file of API keys that `stylograph keys` writes (digests, names, scopes, expiry). Changes take effect within a second. The default is `DATA_DIR/keys.json`.',
    ),
  AUDIT_LOG: absolutePath()
    .optional()
    .describe(
      'The audit log: one line of JSON for each action, with the key that performed it. The default is `DATA_DIR/audit.jsonl`.',
    ),
};

const TELEMETRY_SETTINGS = {
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('The least severe level that is logged.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must look like http://collector:4318' })
    .optional()
    .describe(
      'An OpenTelemetry collector (OTLP over HTTP) that receives traces of requests, the queue and training. The standard variables, such as `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_TRACES_SAMPLER`, apply too.',
    ),
};

/** Every setting by the heading under which docs/settings.md lists it. */
export const SETTING_GROUPS = {
  'Server and worker': SERVER_SETTINGS,
  Storage: STORAGE_SETTINGS,
  'Keys and audit log': ACCESS_SETTINGS,
  'Logs and traces': TELEMETRY_SETTINGS,
  'Rates and queues': RATE_SETTINGS,
  'Sizes of images, requests, runs and datasets': SIZE_SETTINGS,
  'Network and webhooks': NETWORK_SETTINGS,
};

/** Every setting, as an environment variable. `npm run settings` writes docs/settings.md from it. */
export const SettingsSchema = z.object({
  ...SERVER_SETTINGS,
  ...STORAGE_SETTINGS,
  ...ACCESS_SETTINGS,
  ...TELEMETRY_SETTINGS,
  ...RATE_SETTINGS,
  ...SIZE_SETTINGS,
  ...NETWORK_SETTINGS,
});
export type Settings = z.infer<typeof SettingsSchema>;

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

/** Path of the file of API keys. */
export const keysFileOf = ({ KEYS_FILE, DATA_DIR }: Pick<Settings, 'KEYS_FILE' | 'DATA_DIR'>): string =>
  KEYS_FILE ?? join(DATA_DIR, 'keys.json');

export const auditLogOf = ({ AUDIT_LOG, DATA_DIR }: Pick<Settings, 'AUDIT_LOG' | 'DATA_DIR'>): string =>
  AUDIT_LOG ?? join(DATA_DIR, 'audit.jsonl');

export const wantsTraces = ({ OTEL_EXPORTER_OTLP_ENDPOINT }: Settings): boolean =>
  OTEL_EXPORTER_OTLP_ENDPOINT !== undefined;

/** Lists what is wrong with the settings, one line each. The process should end with exit code 2. */
export class SettingsProblem extends Error {
  constructor(problems: string[]) {
    super(
      `Invalid settings (docs/settings.md describes them):\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
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
 * Reads the settings from environment variables. An empty variable counts as absent.
 *
 * @throws SettingsProblem listing every wrong variable; for API_KEYS when other machines could reach a server without keys
 */
export function loadSettings(env: Record<string, string | undefined> = process.env): Settings {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = SettingsSchema.safeParse(given, { error: plainMessage });
  if (!parsed.success) {
    throw new SettingsProblem(
      parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`),
    );
  }
  const settings = parsed.data;
  if (!isLoopback(settings.HOST) && settings.ROLE !== 'worker' && !hasKeys(settings)) {
    throw new SettingsProblem([
      `API_KEYS: other machines can reach HOST=${settings.HOST}, and ${keysFileOf(settings)} contains no valid key. Create one with "stylograph keys create", set API_KEYS, or use HOST=127.0.0.1.`,
    ]);
  }
  if (settings.ROLE !== 'all' && settings.REDIS_URL === undefined) {
    throw new SettingsProblem([
      `REDIS_URL: ROLE=${settings.ROLE} needs a Redis that it shares with the other processes. Set its address.`,
    ]);
  }
  return settings;
}
