import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** Linux limits the path of a unix socket to 107 bytes. */
const MAX_SOCKET_PATH = 100;

/** Path of the socket: in Redis's folder or, if that is too long, in a temporary folder named by its hash. */
export function socketPath(folder: string): string {
  const preferred = join(folder, 'redis.sock');
  if (Buffer.byteLength(preferred) <= MAX_SOCKET_PATH) return preferred;
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const fallback = join(tmpdir(), `stylograph-${name}`);
  mkdirSync(fallback, { recursive: true, mode: 0o700 });
  return join(fallback, 'redis.sock');
}

const TIMEOUT_MS = 2_000;

/** A connection for a single query, which never reconnects. */
function queryConnection(path: string): Redis {
  const redis = new Redis({
    path,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined);
  return redis;
}

/** The state of the Redis at a socket, undefined if none runs. It is `busy` while it loads or does not answer. */
export async function ping(path: string): Promise<{ pid: number | undefined; busy: boolean } | undefined> {
  const redis = queryConnection(path);
  try {
    await redis.connect();
  } catch {
    redis.disconnect();
    return undefined;
  }
  try {
    const info = await redis.info();
    const pid = Number(/process_id:(\d+)/.exec(info)?.[1]);
    return { pid, busy: /^loading:1/m.test(info) };
  } catch {
    return redis.status === 'ready' ? { pid: undefined, busy: true } : undefined;
  } finally {
    redis.disconnect();
  }
}

/** Name of all Redis connections of a process, so that `isUsedByOthers` can recognise other processes. */
export const connectionName = (pid = process.pid): string => `stylograph-${pid}`;

/** Whether other processes are connected to the Redis at a socket. */
export async function isUsedByOthers(path: string): Promise<boolean> {
  const redis = queryConnection(path);
  try {
    await redis.connect();
    const clients = String(await redis.client('LIST'));
    return [...clients.matchAll(/ name=stylograph-(\d+)/g)].some(([, pid]) => Number(pid) !== process.pid);
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}
