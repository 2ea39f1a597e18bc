import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** What is to be known of the process of a private Redis. */

/** The longest path of a unix socket that Linux takes is 107 bytes. */
const LONGEST_SOCKET_PATH = 100;

/** Beside the data, or where its path would be too long, in the temporary folder under a name that follows from it. */
export function socketPath(folder: string): string {
  const beside = join(folder, 'redis.sock');
  if (Buffer.byteLength(beside) <= LONGEST_SOCKET_PATH) return beside;
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const elsewhere = join(tmpdir(), `stylograph-${name}`);
  mkdirSync(elsewhere, { recursive: true, mode: 0o700 });
  return join(elsewhere, 'redis.sock');
}

const ANSWER_MS = 2_000;

/**
 * The server at a socket; undefined when there is none. `busy` while it loads its data or does not answer, so that
 * nothing can be asked of it.
 */
export async function ping(path: string): Promise<{ pid: number | undefined; busy: boolean } | undefined> {
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
