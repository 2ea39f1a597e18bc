import { setTimeout as sleep } from 'node:timers/promises';
import { StylographError } from '../../core/errors.ts';
import { claimFolder, type FolderOwner, ownerOf } from './owner.ts';
import { OwnedRedis, redisFolder } from './private-redis.ts';
import { ping, socketPath } from './redis-process.ts';

const RESPONSE_LIMIT_MS = 20_000;
const WATCH_MS = 500;

export interface FolderRedisOptions {
  dataDir: string;
  /** Path of redis-server or valkey-server. Only needed if no other process has started Redis. */
  server: string | undefined;
  /** Called when this process becomes the owner because the previous owner, a command, ended. */
  onOwner?: () => void;
  /** Called when Redis is gone for good. */
  onLost(error: StylographError): void;
}

/**
 * Gives a command access to the Redis of its data folder. The first process starts and owns Redis, and further commands
 * connect to it. When the owner is a command and ends, one of the other commands becomes the owner. The last command
 * stops Redis. A server always stops its Redis, even while commands are connected.
 */
export class FolderRedis {
  readonly target: { path: string };
  readonly #folder: string;
  readonly #options: FolderRedisOptions;
  #owned: OwnedRedis | undefined;
  #owner: FolderOwner | undefined;
  #watcher: NodeJS.Timeout | undefined;

  private constructor(options: FolderRedisOptions) {
    this.#options = options;
    this.#folder = redisFolder(options.dataDir);
    this.target = { path: socketPath(this.#folder) };
  }

  /** @throws redis_unavailable */
  static async open(options: FolderRedisOptions): Promise<FolderRedis> {
    const redis = new FolderRedis(options);
    await redis.#open();
    return redis;
  }

  /** The process id of the server that owns Redis, if any. Its worker trains the runs of the folder. */
  get serverPid(): number | undefined {
    return this.#owned === undefined && this.#owner?.kind === 'server' ? this.#owner.pid : undefined;
  }

  async #open(): Promise<void> {
    const deadline = Date.now() + RESPONSE_LIMIT_MS;
    for (;;) {
      this.#owner = claimFolder(this.#folder, 'command');
      if (this.#owner === undefined) return await this.#own();
      const state = await ping(this.target.path);
      if (state?.pid !== undefined && !state.busy) break;
      if (Date.now() > deadline) {
        throw new StylographError(
          'redis_unavailable',
          `Process ${this.#owner.pid} uses this data folder, but its Redis does not answer. Wait or end it, then try again.`,
        );
      }
      await sleep(100);
    }
    this.#watcher = setInterval(() => this.#checkOwner(), WATCH_MS).unref();
  }

  async #own(): Promise<void> {
    const { dataDir, server } = this.#options;
    if (server === undefined) {
      throw new StylographError(
        'redis_unavailable',
        'No Redis program is configured. Run scripts/stylograph.mjs, which finds one, or set REDIS_SERVER to its path.',
      );
    }
    this.#owned = new OwnedRedis(this.#folder, { dataDir, server, kind: 'command' });
    try {
      await this.#owned.start();
    } catch (error) {
      await this.#owned.close();
      throw error;
    }
  }

  #checkOwner(): void {
    const owner = ownerOf(this.#folder);
    if (owner !== undefined) {
      this.#owner = owner;
      return;
    }
    clearInterval(this.#watcher);
    const { onLost, onOwner } = this.#options;
    const previous = this.#owner!;
    if (previous.kind === 'server') {
      onLost(
        new StylographError(
          'redis_unavailable',
          `The server of this data folder (process ${previous.pid}) and its Redis have ended. Run the command again.`,
        ),
      );
      return;
    }
    this.#open().then(() => {
      if (this.#owned) onOwner?.();
    }, onLost);
  }

  /** Stops Redis if this process owns it and no other process uses it. */
  async close(): Promise<void> {
    clearInterval(this.#watcher);
    await this.#owned?.close({ keepIfUsed: true });
  }
}
