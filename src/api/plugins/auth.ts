import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { StylographError } from '../../errors.ts';

/** What a key allows. Everything that only reads needs any key; `admin` includes the others. */
const SCOPES = ['infer', 'train', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the call needs of an API key; `public` needs none, absent any. */
    scope?: Scope | 'public';
  }
}

interface ApiKey {
  digest: Buffer;
  scopes: ReadonlySet<Scope>;
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Reads a key as configured: `secret` opens everything, `infer:secret` or `infer+train:secret` only that, and
 * `sha256=<64 hex digits>` in place of the secret keeps it out of the configuration.
 */
function parseApiKey(spec: string): ApiKey {
  const colon = spec.indexOf(':');
  const names = colon < 0 ? [] : spec.slice(0, colon).split('+');
  const scoped = names.length > 0 && names.every((name) => (SCOPES as readonly string[]).includes(name));
  const secret = scoped ? spec.slice(colon + 1) : spec;
  const hashed = /^sha256=([0-9a-f]{64})$/i.exec(secret);
  return {
    digest: hashed ? Buffer.from(hashed[1]!, 'hex') : sha256(secret),
    scopes: new Set(scoped ? (names as Scope[]) : SCOPES),
  };
}

/** Digests are of equal length, so that neither length nor content shows in the time this takes. */
function findKey(keys: readonly ApiKey[], secret: string): ApiKey | undefined {
  const digest = sha256(secret);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
  return found;
}

/** Bearer keys (RFC 6750) on every route of `app`; with none configured it does nothing. */
export function registerAuth(app: FastifyInstance, specs: readonly string[] = []): void {
  if (specs.length === 0) return;
  const keys = specs.map(parseApiKey);
  app.addHook('onRequest', async (request: FastifyRequest) => {
    const { scope } = request.routeOptions.config;
    if (scope === 'public') return;
    const [, secret] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
    const key = secret === undefined ? undefined : findKey(keys, secret);
    if (!key) {
      throw new StylographError(
        'unauthorized',
        'Send a valid key as "Authorization: Bearer <key>"; the server was started with API_KEYS.',
      );
    }
    if (scope !== undefined && !key.scopes.has(scope) && !key.scopes.has('admin')) {
      throw new StylographError('forbidden', `This call needs a key with the scope "${scope}" or "admin".`);
    }
  });
}
