import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisTarget } from '../../core/contracts/worker.ts';
import { StylographError } from '../../core/errors.ts';
import { isAlive, startTimeOf } from '../processes/proc.ts';
import { ping, socketPath } from './redis-process.ts';

const START_TIMEOUT_MS = 20_000;
/** How often it is looked whether the server lives, and the longest pause between two attempts to start it. */
const WATCH_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** In place of a process id while there is none: a signal to it would reach the caller's own group. */
const NOBODY = 0;

export interface PrivateRedis {
  target: RedisTarget;
  /** Of the server that runs now. */
  readonly pid: number;
  /** Whether it was found running, left behind by a parent that was killed. */
  reused: boolean;
  /** Saves and ends the server. */
  close(): Promise<void>;
}

export interface PrivateRedisOptions {
  dataDir: string;
  /** Program of the server: redis-server or valkey-server. */
  server: string;
  /** Told when the server ended by itself, and when it cannot be started again. */
  onTrouble?: (message: string) => void;
}

/**
 * A Redis of our own: reachable by a unix socket only, every write synced to its append-only file in
 * `dataDir`/redis. It is in a process group of its own, so that Ctrl-C reaches its parent alone.
 * One that a killed parent left behind is recognised and used again; one that dies is started again.
 *
 * @throws StylographError `redis_unavailable` when it does not start, with the end of its log, or when another process
 *   that lives has it already
 */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const { redis, started } = launchPrivateRedis(options);
  await started;
  return redis;
}

/**
 * The same, with the server to close at once: who is told to end before it serves leaves no process behind. Closed
 * meanwhile, `started` rejects with `shutting_down`.
 */
export function launchPrivateRedis(options: PrivateRedisOptions): {
  redis: PrivateRedis;
  started: Promise<void>;
} {
  const folder = join(options.dataDir, 'redis');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  claim(folder);
  const redis = new PrivateServer(folder, options);
  return { redis, started: redis.start() };
}

class PrivateServer implements PrivateRedis {
  readonly target: { path: string };
  reused = false;
  readonly #folder: string;
  readonly #program: string;
  readonly #tell: (message: string) => void;
  #pid = NOBODY;
  #starting: Promise<void> | undefined;
  #watcher: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(folder: string, { server, onTrouble = () => undefined }: PrivateRedisOptions) {
    this.#folder = folder;
    this.#program = server;
    this.#tell = onTrouble;
    this.target = { path: socketPath(folder) };
  }

  get pid(): number {
    return this.#pid;
  }

  /** @throws redis_unavailable, shutting_down */
  start(): Promise<void> {
    const starting = this.#begin().finally(() => {
      this.#starting = undefined;
    });
    this.#starting = starting.catch(() => undefined);
    return starting.then(() => this.#watch());
  }

  /** Uses the server that is there, or spawns one. @throws redis_unavailable, shutting_down */
  async #begin(): Promise<void> {
    const { path } = this.target;
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const left = await ping(path);
      if (left === undefined) break;
      if (left.pid !== undefined && !left.busy) {
        this.reused = true;
        this.#pid = left.pid;
        return;
      }
      if (this.#closing) {
        this.#pid = left.pid ?? NOBODY;
        throw closed();
      }
      // A second server on the same files would damage them.
      if (Date.now() > deadline) {
        throw new StylographError(
          'redis_unavailable',
          `The private Redis (process ${left.pid ?? 'unknown'}) is there and does not answer: it still loads its data, or hangs. ` +
            'Wait a little or end it, then start again.',
        );
      }
      await sleep(100);
    }
    if (this.#closing) throw closed();
    rmSync(path, { force: true });
    this.reused = false;
    await this.#spawn(deadline);
  }

  /** Starts the program and waits until it serves. @throws redis_unavailable, shutting_down */
  async #spawn(deadline: number): Promise<void> {
    const { path } = this.target;
    const logFile = join(this.#folder, 'redis.log');
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn(
      this.#program,
      [
        ...['--port', '0', '--unixsocket', path, '--unixsocketperm', '700', '--dir', this.#folder],
        ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
        ...['--maxmemory-policy', 'noeviction', '--daemonize', 'no', '--loglevel', 'notice'],
      ],
      { detached: true, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
    });
    child.unref();
    for (;;) {
      const state = await ping(path);
      if (state?.pid !== undefined && !state.busy) {
        this.#pid = state.pid;
        return;
      }
      if (this.#closing) {
        this.#pid = child.pid ?? NOBODY;
        throw closed();
      }
      const problem = await Promise.race([ended, sleep(50, undefined)]);
      if (problem === undefined && Date.now() <= deadline) continue;
      const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
      throw new StylographError(
        'redis_unavailable',
        `The private Redis (${this.#program}) did not start: ${problem ?? 'it does not answer'}.\n${tail}\n` +
          'Look at the end of redis/redis.log in the data folder, or name a server of your own in REDIS_URL.',
      );
    }
  }

  /** Starts the server again whenever it has ended. */
  #watch(): void {
    if (this.#closing) return;
    this.#watcher = setInterval(() => {
      if (this.#starting !== undefined || isAlive(this.#pid, 'ours')) return;
      this.#starting = this.#startAgain().finally(() => {
        this.#starting = undefined;
      });
    }, WATCH_MS).unref();
  }

  /** Never rejects. */
  async #startAgain(): Promise<void> {
    this.#tell(
      `The private Redis (process ${this.#pid}) ended; it is started again with what it has stored.`,
    );
    for (let pause = WATCH_MS; !this.#closing; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return await this.#begin();
      } catch (error) {
        if (this.#closing) return;
        this.#tell((error as Error).message);
        await sleep(pause, undefined, { ref: false });
      }
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#watcher);
    await this.#starting;
    if (isAlive(this.#pid, 'ours')) process.kill(this.#pid, 'SIGTERM');
    while (isAlive(this.#pid, 'ours')) await sleep(20);
    // A socket outside the data folder has a folder of its own.
    const place = dirname(this.target.path);
    if (basename(place) !== 'redis') rmSync(place, { recursive: true, force: true });
  }
}

function closed(): StylographError {
  return new StylographError('shutting_down', 'The private Redis was closed before it served.');
}

/** One server a data folder: the second would end the first one's Redis. */
function claim(folder: string): void {
  const file = join(folder, 'owner');
  try {
    const [pid, start] = readFileSync(file, 'utf8').split(' ');
    if (Number(pid) !== process.pid && start !== undefined && startTimeOf(Number(pid)) === start) {
      throw new StylographError(
        'redis_unavailable',
        `Process ${pid} serves from this data folder already. End it, or give this server a DATA_DIR of its own ` +
          '(several processes may share one folder only with a REDIS_URL).',
      );
    }
  } catch (error) {
    if (error instanceof StylographError) throw error;
  }
  writeFileSync(file, `${process.pid} ${startTimeOf(process.pid) ?? ''}`);
}
