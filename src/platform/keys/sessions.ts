import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { guarded } from '../redis/connection.ts';
import type { Keys } from '../redis/key-names.ts';

const SESSION_SECONDS = 3_600;

/**
 * Browser sessions that replace an API key where a page cannot send one. Redis contains a digest of each token and the id
 * of its key. So a revoked or expired key ends its sessions, and the contents of Redis give no access.
 */
export class Sessions {
  /** Lifetime of a session. */
  readonly seconds = SESSION_SECONDS;
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  #name(token: string): string {
    return this.#keys.session(createHash('sha256').update(token).digest('hex'));
  }

  /** Opens a session. @returns its token of 43 random characters @throws redis_unavailable */
  async open(keyId: string): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    await guarded(() => this.#redis.set(this.#name(token), keyId, 'EX', SESSION_SECONDS));
    return token;
  }

  /** The id of the key that opened a session. @throws redis_unavailable */
  async find(token: string): Promise<string | undefined> {
    return (await guarded(() => this.#redis.get(this.#name(token)))) ?? undefined;
  }

  /** @throws redis_unavailable */
  async close(token: string): Promise<void> {
    await guarded(() => this.#redis.del(this.#name(token)));
  }
}
