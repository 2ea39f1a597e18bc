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
/** How often the watcher checks that Redis lives, and the longest pause between two attempts to start it. */
const WATCH_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** In place of a process id while there is none: `kill` would send a signal to the caller's own group. */
const NOBODY = 0;

export interface PrivateRedis {
  target: RedisTarget;
  /** Of the Redis that runs now. */
  readonly pid: number;
  /** Whether it was found running, left behind by a process that was killed. */
  reused: boolean;
  /** Saves and ends Redis. */
  close(): Promise<void>;
}

export interface PrivateRedisOptions {
  dataDir: string;
  /** Path of redis-server or valkey-server. */
  server: string;
  /** What this process is; by default a server. */
  kind?: OwnerKind;
  /** Called when Redis ended by itself, and when it cannot be restarted. */
  onTrouble?: (message: string) => void;
}

/** The folder of a data folder's Redis, created if necessary. */
export function redisFolder(dataDir: string): string {
  const folder = join(dataDir, 'redis');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * A Redis of our own: reachable by a unix socket only, every write synced to its append-only file in
 * `dataDir`/redis. It is in a process group of its own, so that Ctrl-C does not reach it. One that a killed process
 * left behind is used again; one that dies is restarted.
 *
 * @throws StylographError `redis_unavailable` when it does not start, with the end of its log, or when another living
 *   process owns it
 */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const { redis, started } = launchPrivateRedis(options);
  await started;
  return redis;
}

/**
 * The same, with the Redis to close at once: a process that must end before Redis serves leaves none behind. Closed
 * meanwhile, `started` rejects with `shutting_down`.
 */
export function launchPrivateRedis(options: PrivateRedisOptions): {
  redis: OwnedRedis;
  started: Promise<void>;
} {
  const redis = new OwnedRedis(redisFolder(options.dataDir), options);
  return { redis, started: redis.start() };
}

/** A Redis that this process starts, watches and ends. */
export class OwnedRedis implements PrivateRedis {
  readonly target: { path: string };
  reused = false;
  readonly #folder: string;
  readonly #program: string;
  readonly #kind: OwnerKind;
  readonly #report: (message: string) => void;
  #pid = NOBODY;
  #starting: Promise<void> | undefined;
  #watcher: NodeJS.Timeout | undefined;
  #isOwner = false;
  #closing = false;

  constructor(folder: string, { server, kind = 'server', onTrouble = () => undefined }: PrivateRedisOptions) {
    this.#folder = folder;
    this.#program = server;
    this.#kind = kind;
    this.#report = onTrouble;
    this.target = { path: socketPath(folder) };
  }

  get pid(): number {
    return this.#pid;
  }

  /** @throws redis_unavailable, shutting_down */
  start(): Promise<void> {
    const starting = this.#claim()
      .then(() => this.#begin())
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
      if (this.#closing) throw closed();
      if (other.kind === 'server' || Date.now() > deadline) throw inUse(other);
      await sleep(WATCH_MS);
    }
    this.#isOwner = true;
  }

  /** Uses the Redis that is running, or spawns one. @throws redis_unavailable, shutting_down */
  async #begin(): Promise<void> {
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
        this.#pid = running.pid ?? NOBODY;
        throw closed();
      }
      // A second Redis on the same files would damage them.
      if (Date.now() > deadline) {
        throw new StylographError(
          'redis_unavailable',
          `The private Redis (process ${running.pid ?? 'unknown'}) runs but does not answer: it still loads its data, or hangs. ` +
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
          'Read the end of redis/redis.log in the data folder, or name a Redis of your own in REDIS_URL.',
      );
    }
  }

  /** Restarts Redis whenever it has ended. */
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
    this.#report(`The private Redis (process ${this.#pid}) ended; it is restarted with its stored data.`);
    for (let pause = WATCH_MS; !this.#closing; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return await this.#begin();
      } catch (error) {
        if (this.#closing) return;
        this.#report((error as Error).message);
        await sleep(pause, undefined, { ref: false });
      }
    }
  }

  /** @param keepIfUsed leaves Redis running when other processes have connections to it */
  async close({ keepIfUsed = false } = {}): Promise<void> {
    this.#closing = true;
    clearInterval(this.#watcher);
    await this.#starting;
    if (!this.#isOwner) return;
    if (!keepIfUsed || !(await isUsedByOthers(this.target.path))) {
      if (isAlive(this.#pid, 'ours')) process.kill(this.#pid, 'SIGTERM');
      while (isAlive(this.#pid, 'ours')) await sleep(20);
      // A socket outside the data folder has a folder of its own.
      const parent = dirname(this.target.path);
      if (basename(parent) !== 'redis') rmSync(parent, { recursive: true, force: true });
    }
    releaseFolder(this.#folder);
  }
}

function closed(): StylographError {
  return new StylographError('shutting_down', 'The private Redis was closed before it served.');
}

function inUse({ pid, kind }: FolderOwner): StylographError {
  return new StylographError(
    'redis_unavailable',
    kind === 'server'
      ? `Process ${pid} serves from this data folder already. End it, or give this server a DATA_DIR of its own ` +
          '(several processes may share one folder only with a REDIS_URL).'
      : `A command (process ${pid}) works in this data folder. Wait until it has ended, or pause its run with Ctrl-C; then start again.`,
  );
}
