import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisTarget } from '../contracts/worker.ts';
import { StylographError } from '../errors.ts';
import { startOfProcess } from './processes.ts';

/** The longest path of a unix socket that Linux takes is 107 bytes. */
const LONGEST_SOCKET_PATH = 100;
const START_TIMEOUT_MS = 20_000;

export interface PrivateRedis {
  target: RedisTarget;
  pid: number;
  /** Whether it was found running, left behind by a parent that was killed. */
  reused: boolean;
  /** Saves and ends the server. */
  close(): Promise<void>;
}

/**
 * A Redis of our own: reachable by a unix socket only, every write synced to its append-only file in
 * `dataDir`/redis. It is in a process group of its own, so that Ctrl-C reaches its parent alone.
 * One that a killed parent left behind is recognised and used again.
 *
 * @param server program of the server: redis-server or valkey-server
 * @throws StylographError `redis_unavailable` when it does not start, with the end of its log, or when another process
 *   that lives has it already
 */
export async function startPrivateRedis({
  dataDir,
  server,
}: {
  dataDir: string;
  server: string;
}): Promise<PrivateRedis> {
  const folder = join(dataDir, 'redis');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = socketPath(folder);
  claim(folder);

  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const left = await ping(path);
    if (left === undefined) break;
    if (!left.loading) return handle(path, left.pid, true);
    // A second server on the same files would damage them.
    if (Date.now() > deadline) {
      throw new StylographError(
        'redis_unavailable',
        `The private Redis (process ${left.pid}) is still loading its data. Wait a little, then start again.`,
      );
    }
    await sleep(100);
  }

  rmSync(path, { force: true });
  const logFile = join(folder, 'redis.log');
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(
    server,
    [
      ...['--port', '0', '--unixsocket', path, '--unixsocketperm', '700', '--dir', folder],
      ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'],
      ...['--daemonize', 'no', '--loglevel', 'notice'],
    ],
    { detached: true, stdio: ['ignore', log, log] },
  );
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
  child.unref();
  for (;;) {
    const state = await ping(path);
    if (state !== undefined && !state.loading) return handle(path, state.pid, false);
    const problem = await Promise.race([ended, sleep(50, undefined)]);
    if (problem !== undefined || Date.now() > deadline) {
      const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
      throw new StylographError(
        'redis_unavailable',
        `The private Redis (${server}) did not start: ${problem ?? 'it does not answer'}.\n${tail}\n` +
          'Look at the end of redis/redis.log in the data folder, or name a server of your own in REDIS_URL.',
      );
    }
  }
}

/** One server a data folder: the second would end the first one's Redis. */
function claim(folder: string): void {
  const file = join(folder, 'owner');
  try {
    const [pid, start] = readFileSync(file, 'utf8').split(' ');
    if (Number(pid) !== process.pid && start !== undefined && startOfProcess(Number(pid)) === start) {
      throw new StylographError(
        'redis_unavailable',
        `Process ${pid} serves from this data folder already. End it, or give this server a DATA_DIR of its own ` +
          '(several processes may share one folder only with a REDIS_URL).',
      );
    }
  } catch (error) {
    if (error instanceof StylographError) throw error;
  }
  writeFileSync(file, `${process.pid} ${startOfProcess(process.pid) ?? ''}`);
}

/** Beside the data, or where its path would be too long, in the temporary folder under a name that follows from it. */
function socketPath(folder: string): string {
  const beside = join(folder, 'redis.sock');
  if (Buffer.byteLength(beside) <= LONGEST_SOCKET_PATH) return beside;
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const elsewhere = join(tmpdir(), `stylograph-${name}`);
  mkdirSync(elsewhere, { recursive: true, mode: 0o700 });
  return join(elsewhere, 'redis.sock');
}

/** The server at a socket; undefined when there is none. While it loads its data it answers nothing else. */
async function ping(path: string): Promise<{ pid: number; loading: boolean } | undefined> {
  const redis = new Redis({
    path,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2000,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const info = await redis.info();
    const pid = /process_id:(\d+)/.exec(info)?.[1];
    return pid === undefined ? undefined : { pid: Number(pid), loading: /^loading:1/m.test(info) };
  } catch {
    return undefined;
  } finally {
    redis.disconnect();
  }
}

function handle(path: string, pid: number, reused: boolean): PrivateRedis {
  const close = async (): Promise<void> => {
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      return;
    }
    while (isAlive(pid)) await sleep(20);
    // A socket outside the data folder has a folder of its own.
    if (basename(dirname(path)) !== 'redis') rmSync(dirname(path), { recursive: true, force: true });
  };
  return { target: { path }, pid, reused, close };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // An ended child that nobody has waited for yet still has its number.
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
