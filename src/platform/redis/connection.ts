import { createHash } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import type { RedisTarget } from '../../core/contracts/worker.ts';
import { StylographError } from '../../core/errors.ts';

export type { RedisTarget };

/**
 * `prompt` for who answers requests: while Redis is away every call fails at once.
 * `patient` for who has work to finish: calls wait until Redis is back.
 */
export type ConnectionKind = 'prompt' | 'patient';

const COMMAND_TIMEOUT_MS = 5_000;
const RECONNECT_MS = { first: 50, most: 1_000 };

const OPTIONS = {
  prompt: { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS },
  patient: { maxRetriesPerRequest: null },
} as const satisfies Record<ConnectionKind, RedisOptions>;

/** Opens a connection that reconnects by itself for ever. End it with `quit()` or `disconnect()`. */
export function connectRedis(target: RedisTarget, kind: ConnectionKind): Redis {
  const options = {
    ...OPTIONS[kind],
    protocol: 2 as const,
    connectTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (times: number) => Math.min(RECONNECT_MS.first * times, RECONNECT_MS.most),
  };
  const redis =
    'url' in target ? new Redis(target.url, options) : new Redis({ ...options, path: target.path });
  // Without a listener ioredis prints every failed attempt to reconnect; calls report what they meet themselves.
  redis.on('error', () => undefined);
  return redis;
}

/**
 * Waits until the connection is usable.
 * @throws redis_unavailable when it is not after `timeoutMs`.
 */
export async function waitUntilReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      redis.off('ready', ready);
      outcome();
    };
    const ready = () => settle(resolve);
    const timer = setTimeout(() => settle(() => reject(unavailable(undefined))), timeoutMs);
    redis.on('ready', ready);
  });
}

function unavailable(cause: unknown): StylographError {
  return new StylographError(
    'redis_unavailable',
    'Redis does not answer. Check that the server REDIS_URL names is running, then try again.',
    { retryAfter: 2, cause },
  );
}

/** Answers of a server that runs but cannot serve now. */
const NOT_NOW = /^(LOADING|READONLY|MISCONF|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|OOM|NOREPLICAS)\b/;

/**
 * Runs a call and names what keeps it from Redis.
 * @throws redis_unavailable when the server cannot be reached or cannot serve; other errors pass.
 */
export async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const reply = error instanceof Error && error.name === 'ReplyError';
    if (error instanceof StylographError || (reply && !NOT_NOW.test(error.message))) throw error;
    throw unavailable(error);
  }
}

/** A Lua script, sent by its digest and in full only when the server does not know it yet. */
export class Script {
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
    this.#source = source;
    this.#sha = createHash('sha1').update(source).digest('hex');
  }

  /** @throws redis_unavailable */
  async run(redis: Redis, keys: string[], args: (string | number)[]): Promise<unknown> {
    return await guarded(async () => {
      try {
        return await redis.evalsha(this.#sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return await redis.eval(this.#source, keys.length, ...keys, ...args);
      }
    });
  }
}
