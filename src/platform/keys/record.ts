import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** What a key allows. Reading needs any key; `admin` includes the other scopes. */
export const SCOPES = ['infer', 'train', 'admin'] as const;
export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

export const KeyName = z
  .string()
  .regex(/^[\w.@ -]{1,64}$/, 'must be 1 to 64 letters, digits, spaces and ._@-');

/** A stored key: its properties and its digest, not the key. */
export const KeyRecord = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  name: KeyName,
  scopes: z.array(Scope).min(1),
  /** SHA-256 of the whole key, hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
});
export type KeyRecord = z.infer<typeof KeyRecord>;

export const KeysFile = z.strictObject({ version: z.literal(1), keys: z.array(KeyRecord).max(10_000) });

const ID_BYTES = 4;
const SECRET_BYTES = 32;

/**
 * SHA-256 suffices for keys of 256 random bits, which cannot be guessed. The slow hashes that passwords need would only slow
 * down requests.
 */
export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest();

export interface KeyRequest {
  name: string;
  scopes: readonly Scope[];
  expiresAt?: Date | undefined;
}

/** Draws a key, `stylo_{id}_{43 characters}`. The record contains only its digest. */
export function drawKey(request: KeyRequest, now = new Date()): { key: string; record: KeyRecord } {
  const id = randomBytes(ID_BYTES).toString('hex');
  const key = `stylo_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  const record: KeyRecord = {
    id,
    name: request.name,
    scopes: [...new Set(request.scopes)],
    sha256: digestOf(key).toString('hex'),
    createdAt: now.toISOString(),
    expiresAt: request.expiresAt?.toISOString() ?? null,
    revokedAt: null,
  };
  return { key, record };
}

export type KeyState = 'active' | 'expired' | 'revoked';

export function keyState(
  { expiresAt, revokedAt }: Pick<KeyRecord, 'expiresAt' | 'revokedAt'>,
  now = Date.now(),
): KeyState {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && Date.parse(expiresAt) <= now ? 'expired' : 'active';
}

/** Splits an entry of `API_KEYS` into its scopes, if given, and the secret or its digest. */
export function splitKeySpec(spec: string): { names: Scope[] | undefined; secret: string } {
  const colon = spec.indexOf(':');
  const names = colon < 0 ? [] : spec.slice(0, colon).split('+');
  const scoped = names.length > 0 && names.every((name) => (SCOPES as readonly string[]).includes(name));
  return scoped
    ? { names: names as Scope[], secret: spec.slice(colon + 1) }
    : { names: undefined, secret: spec };
}

/**
 * Parses an entry of `API_KEYS`. `secret` has all scopes, `infer:secret` or `infer+train:secret` only these.
 * `sha256=<64 hex digits>` instead of the secret keeps the secret out of the configuration.
 */
export function parseKeySpec(spec: string): Pick<KeyRecord, 'sha256' | 'scopes'> {
  const { names, secret } = splitKeySpec(spec);
  const hashed = /^sha256=([0-9a-f]{64})$/i.exec(secret);
  return {
    sha256: hashed ? hashed[1]!.toLowerCase() : digestOf(secret).toString('hex'),
    scopes: names ?? [...SCOPES],
  };
}
