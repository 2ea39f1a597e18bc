import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** Linux accepts 107 bytes as the path of a unix socket. */
const LONGEST_SOCKET_PATH = 100;

/** Beside the data; if that path is too long, in the temporary folder under a name derived from it. */
export function socketPath(folder: string): string {
  const beside = join(folder, 'redis.sock');
  if (Buffer.byteLength(beside) <= LONGEST_SOCKET_PATH) return beside;
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const elsewhere = join(tmpdir(), `stylograph-${name}`);
  mkdirSync(elsewhere, { recursive: true, mode: 0o700 });
  return join(elsewhere, 'redis.sock');
}

const ANSWER_MS = 2_000;

/** A connection for one question. */
function askOnce(path: string): Redis {
  const redis = new Redis({
    path,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined);
  return redis;
}

/** The Redis at a socket; undefined when there is none. `busy` while it loads its data or does not answer. */
export async function ping(path: string): Promise<{ pid: number | undefined; busy: boolean } | undefined> {
  const redis = askOnce(path);
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

/** What each connection of a process is called, so that others see which processes use a Redis. */
export const connectionName = (pid = process.pid): string => `stylograph-${pid}`;

/** Whether other processes have connections to the Redis at a socket. */
export async function isUsedByOthers(path: string): Promise<boolean> {
  const redis = askOnce(path);
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
