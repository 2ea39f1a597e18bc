import { Redis, type RedisOptions } from 'ioredis';
import type { RedisTarget } from '../../core/contracts/worker.ts';
import { StylographError } from '../../core/errors.ts';
import { connectionName } from './redis-process.ts';

export type { RedisTarget };

/**
 * `prompt` for processes that answer requests: while Redis is away every call fails at once.
 * `patient` for processes with work to finish: calls wait until Redis is back.
 */
export type ConnectionKind = 'prompt' | 'patient';

const COMMAND_TIMEOUT_MS = 5_000;
const RECONNECT_MS = { first: 50, most: 1_000 };

const OPTIONS = {
  prompt: { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS },
  patient: { maxRetriesPerRequest: null },
} as const satisfies Record<ConnectionKind, RedisOptions>;

/** Opens a connection that reconnects by itself until `quit()` or `disconnect()` ends it. */
export function connectRedis(target: RedisTarget, kind: ConnectionKind): Redis {
  const options = {
    ...OPTIONS[kind],
    protocol: 2 as const,
    connectTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (times: number) => Math.min(RECONNECT_MS.first * times, RECONNECT_MS.most),
  };
  const redis =
    'url' in target
      ? new Redis(target.url, options)
      : new Redis({ ...options, path: target.path, connectionName: connectionName() });
  // Without a listener ioredis prints every failed attempt to reconnect; calls report their own failures.
  redis.on('error', () => undefined);
  return redis;
}

/**
 * Waits until the connection is usable.
 * @throws redis_unavailable after `timeoutMs`
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

/** Errors of a server that runs but cannot serve now. */
const NOT_NOW = /^(LOADING|READONLY|MISCONF|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|OOM|NOREPLICAS)\b/;

/**
 * Runs a call to Redis.
 * @throws redis_unavailable when the server cannot be reached or cannot serve; other errors pass
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
