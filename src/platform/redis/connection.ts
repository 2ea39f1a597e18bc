import { Redis, type RedisOptions } from 'ioredis';
import type { RedisTarget } from '../../core/contracts/worker.ts';
import { StylographError } from '../../core/errors.ts';
import { connectionName } from './redis-process.ts';

export type { RedisTarget };

/**
 * `prompt` for processes that serve requests: while Redis is away, every call fails at once.
 * `patient` for processes that train or wait for events: calls wait until Redis is back.
 */
export type ConnectionKind = 'prompt' | 'patient';

const COMMAND_TIMEOUT_MS = 5_000;
const RECONNECT_MS = { first: 50, max: 1_000 };

const OPTIONS = {
  prompt: { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS },
  patient: { maxRetriesPerRequest: null },
} as const satisfies Record<ConnectionKind, RedisOptions>;

/** Opens a connection that reconnects automatically until `quit()` or `disconnect()` closes it. */
export function connectRedis(target: RedisTarget, kind: ConnectionKind): Redis {
  const options = {
    ...OPTIONS[kind],
    protocol: 2 as const,
    connectTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (times: number) => Math.min(RECONNECT_MS.first * times, RECONNECT_MS.max),
  };
  const redis =
    'url' in target
      ? new Redis(target.url, options)
      : new Redis({ ...options, path: target.path, connectionName: connectionName() });
  // Without a listener, ioredis prints every failed attempt to reconnect. Calls report their own errors.
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
    'Redis does not answer. Check that the server in REDIS_URL is running, then try again.',
    { retryAfter: 2, cause },
  );
}

/** Errors of a server that runs but is temporarily unable to serve. */
const TEMPORARY = /^(LOADING|READONLY|MISCONF|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|OOM|NOREPLICAS)\b/;

/**
 * Runs a call to Redis.
 * @throws redis_unavailable when the server is unreachable or unable to serve; other errors unchanged
 */
export async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const reply = error instanceof Error && error.name === 'ReplyError';
    if (error instanceof StylographError || (reply && !TEMPORARY.test(error.message))) throw error;
    throw unavailable(error);
  }
}
