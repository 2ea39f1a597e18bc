import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisTarget } from '../../core/contracts/worker.ts';
import { StylographError } from '../../core/errors.ts';
import { isAlive } from '../processes/proc.ts';
import { claimFolder, type FolderOwner, type OwnerKind, releaseFolder } from './owner.ts';
import { isUsedByOthers, ping, socketPath } from './redis-process.ts';

const START_TIMEOUT_MS = 20_000;
/** A server waits this long for a command that owns the folder; most end within a second. */
const COMMAND_WAIT_MS = 5_000;
/** How often the watcher checks that Redis is alive. */
const WATCH_MS = 200;
/** Longest delay between two attempts to restart it. */
const MAX_RETRY_DELAY_MS = 10_000;
/** Stands for an unknown process id. Never pass it to `kill`, which would signal the caller's own process group. */
const NO_PROCESS = 0;

export interface PrivateRedis {
  target: RedisTarget;
  /** Process id of the running Redis. */
  readonly pid: number;
  /** Whether Redis was already running, left behind by a process that was killed. */
  reused: boolean;
  /** Saves the data and stops Redis. */
  close(): Promise<void>;
}

export interface PrivateRedisOptions {
  dataDir: string;
  /** Path of redis-server or valkey-server. */
  server: string;
  /** The kind of this process, by default `server`. */
  kind?: OwnerKind;
  /** Called when Redis ended unexpectedly, and when it cannot be restarted. */
  onProblem?: (message: string) => void;
}

/** The folder for Redis inside a data folder, created if necessary. */
export function redisFolder(dataDir: string): string {
  const folder = join(dataDir, 'redis');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Starts a private Redis, which is reachable only through a unix socket. It syncs every write to its append-only file
 * in `dataDir`/redis. It has its own process group, so that Ctrl-C does not reach it. A Redis left behind by a killed
 * process is reused, and one that dies is restarted.
 *
 * @throws StylographError `redis_unavailable` when another live process owns the folder, or when Redis does not start;
 *   then the message includes the end of its log
 */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const { redis, started } = launchPrivateRedis(options);
  await started;
  return redis;
}

/**
 * Like `startPrivateRedis`, but returns before Redis serves. A process that must shut down during the start can then
 * close it and leaves no Redis behind. In that case `started` rejects with `shutting_down`.
 */
export function launchPrivateRedis(options: PrivateRedisOptions): {
  redis: OwnedRedis;
  started: Promise<void>;
} {
  const redis = new OwnedRedis(redisFolder(options.dataDir), options);
  return { redis, started: redis.start() };
}

/** A Redis that this process starts, watches and stops. */
export class OwnedRedis implements PrivateRedis {
  readonly target: { path: string };
  reused = false;
  readonly #folder: string;
  readonly #program: string;
  readonly #kind: OwnerKind;
  readonly #report: (message: string) => void;
  #pid = NO_PROCESS;
  #starting: Promise<void> | undefined;
  #watcher: NodeJS.Timeout | undefined;
  #isOwner = false;
  #closing = false;

  constructor(folder: string, { server, kind = 'server', onProblem = () => undefined }: PrivateRedisOptions) {
    this.#folder = folder;
    this.#program = server;
    this.#kind = kind;
    this.#report = onProblem;
    this.target = { path: socketPath(folder) };
  }

  get pid(): number {
    return this.#pid;
  }

  /** @throws redis_unavailable, shutting_down */
  start(): Promise<void> {
    const starting = this.#claim()
      .then(() => this.#reuseOrSpawn())
      .finally(() => {
        this.#starting = undefined;
      });
    this.#starting = starting.catch(() => undefined);
    return starting.then(() => this.#watch());
  }

  async #claim(): Promise<void> {
    const deadline = Date.now() + COMMAND_WAIT_MS;
    for (;;) {
      const other = claimFolder(this.#folder, this.#kind);
      if (other === undefined) break;
      if (this.#closing) throw closedEarly();
      if (other.kind === 'server' || Date.now() > deadline) throw inUse(other);
      await sleep(WATCH_MS);
    }
    this.#isOwner = true;
  }

  /** Reuses the running Redis, or spawns one. @throws redis_unavailable, shutting_down */
  async #reuseOrSpawn(): Promise<void> {
    const { path } = this.target;
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const running = await ping(path);
      if (running === undefined) break;
      if (running.pid !== undefined && !running.busy) {
        this.reused = true;
        this.#pid = running.pid;
        return;
      }
      if (this.#closing) {
        this.#pid = running.pid ?? NO_PROCESS;
        throw closedEarly();
      }
      // A second Redis on the same files would damage them.
      if (Date.now() > deadline) {
        throw new StylographError(
          'redis_unavailable',
          `The private Redis (process ${running.pid ?? 'unknown'}) runs but does not answer. It is still loading its data, or it hangs. ` +
            'Wait or end it, then start again.',
        );
      }
      await sleep(100);
    }
    if (this.#closing) throw closedEarly();
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
    const failed = new Promise<string>((resolve) => {
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
        this.#pid = child.pid ?? NO_PROCESS;
        throw closedEarly();
      }
      const problem = await Promise.race([failed, sleep(50, undefined)]);
      if (problem === undefined && Date.now() <= deadline) continue;
      const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
      throw new StylographError(
        'redis_unavailable',
        `The private Redis (${this.#program}) did not start: ${problem ?? 'it does not answer'}.\n${tail}\n` +
          'Read redis/redis.log in the data folder, or set REDIS_URL to use your own Redis.',
      );
    }
  }

  /** Restarts Redis whenever it ends. */
  #watch(): void {
    if (this.#closing) return;
    this.#watcher = setInterval(() => {
      if (this.#starting !== undefined || isAlive(this.#pid, 'ours')) return;
      this.#starting = this.#restart().finally(() => {
        this.#starting = undefined;
      });
    }, WATCH_MS).unref();
  }

  /** Never rejects. */
  async #restart(): Promise<void> {
    this.#report(
      `The private Redis (process ${this.#pid}) ended unexpectedly and is being restarted with its stored data.`,
    );
    for (let delayMs = WATCH_MS; !this.#closing; delayMs = Math.min(2 * delayMs, MAX_RETRY_DELAY_MS)) {
      try {
        return await this.#reuseOrSpawn();
      } catch (error) {
        if (this.#closing) return;
        this.#report((error as Error).message);
        await sleep(delayMs, undefined, { ref: false });
      }
    }
  }

  /** @param keepIfUsed leaves Redis running while other processes are connected to it */
  async close({ keepIfUsed = false } = {}): Promise<void> {
    this.#closing = true;
    clearInterval(this.#watcher);
    await this.#starting;
    if (!this.#isOwner) return;
    if (!keepIfUsed || !(await isUsedByOthers(this.target.path))) {
      if (isAlive(this.#pid, 'ours')) process.kill(this.#pid, 'SIGTERM');
      while (isAlive(this.#pid, 'ours')) await sleep(20);
      // A socket outside the data folder has its own folder, which must be removed too.
      const parent = dirname(this.target.path);
      if (basename(parent) !== 'redis') rmSync(parent, { recursive: true, force: true });
    }
    releaseFolder(this.#folder);
  }
}

function closedEarly(): StylographError {
  return new StylographError('shutting_down', 'The private Redis was closed before its start completed.');
}

function inUse({ pid, kind }: FolderOwner): StylographError {
  return new StylographError(
    'redis_unavailable',
    kind === 'server'
      ? `Process ${pid} already serves from this data folder. End it, or set another DATA_DIR for this server. ` +
          'Several servers can share a folder only with REDIS_URL.'
      : `A command (process ${pid}) uses this data folder. Wait until it ends, or pause its run with Ctrl-C. Then start again.`,
  );
}
