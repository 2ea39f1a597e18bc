import { setTimeout as sleep } from 'node:timers/promises';
import { StylographError } from '../../core/errors.ts';
import { claimFolder, type FolderOwner, ownerOf } from './owner.ts';
import { OwnedRedis, redisFolder } from './private-redis.ts';
import { ping, socketPath } from './redis-process.ts';

const ANSWER_LIMIT_MS = 20_000;
const WATCH_MS = 500;

export interface FolderRedisOptions {
  dataDir: string;
  /** Path of redis-server or valkey-server; needed only if no other process has started Redis. */
  server: string | undefined;
  /** Called when this process becomes the owner after the command that was it. */
  onOwner?: () => void;
  /** Called when Redis is gone for good. */
  onLost(error: StylographError): void;
}

/**
 * The Redis of a data folder, for a command. The first process to open it starts and owns it; further commands connect
 * to it. When an owner that is a command ends, Redis stays for the others, and one of them becomes its owner. When
 * the last one ends, so does Redis. A server ends its Redis whoever is connected.
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

  /** The server that owns Redis, if one does. Its worker trains the runs of the folder. */
  get serverPid(): number | undefined {
    return this.#owned === undefined && this.#owner?.kind === 'server' ? this.#owner.pid : undefined;
  }

  async #open(): Promise<void> {
    const deadline = Date.now() + ANSWER_LIMIT_MS;
    for (;;) {
      this.#owner = claimFolder(this.#folder, 'command');
      if (this.#owner === undefined) return await this.#own();
      const state = await ping(this.target.path);
      if (state?.pid !== undefined && !state.busy) break;
      if (Date.now() > deadline) {
        throw new StylographError(
          'redis_unavailable',
          `Process ${this.#owner.pid} works in this data folder, and its Redis does not answer. Wait a little or end it, then try again.`,
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
        'No Redis program is known. Run the command by scripts/stylograph.mjs, which finds one, or name one in REDIS_SERVER.',
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
    const former = this.#owner!;
    if (former.kind === 'server') {
      onLost(
        new StylographError(
          'redis_unavailable',
          `The server of this data folder (process ${former.pid}) has ended, and its Redis with it. Run the command again.`,
        ),
      );
      return;
    }
    this.#open().then(() => {
      if (this.#owned) onOwner?.();
    }, onLost);
  }

  /** Ends Redis unless other processes use it. */
  async close(): Promise<void> {
    clearInterval(this.#watcher);
    await this.#owned?.close({ keepIfUsed: true });
  }
}
