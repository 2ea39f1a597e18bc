import type { Redis } from 'ioredis';
import type { StylographError } from '../../core/errors.ts';
import { connectRedis, type RedisTarget, waitUntilReady } from '../../platform/redis/connection.ts';
import { FolderRedis } from '../../platform/redis/folder-redis.ts';
import { DEFAULT_PREFIX, type Keys, redisKeys } from '../../platform/redis/key-names.ts';
import { isProcessAlive, thisProcess } from '../../platform/redis/owner.ts';
import type { FolderStore } from '../../store/index.ts';
import { RunEvents } from '../redis/events.ts';
import { EventHub } from '../redis/hub.ts';
import { type MetricsQuery, readMetrics, type Series } from '../redis/metrics.ts';
import { pairWithStore } from '../redis/pairing.ts';
import { RunStore } from '../redis/run-store.ts';
import { RunSupervisor } from '../worker/run-child.ts';
import { importJournals } from './import-journals.ts';

const READY_MS = 15_000;

/** Takes in what processes left in a data folder: journals of former versions, and runs of commands that were killed. */
export async function adoptRuns(
  dataDir: string,
  target: RedisTarget,
  keys: Keys,
  runs: RunStore,
): Promise<void> {
  await importJournals(dataDir, target, keys);
  await runs.pauseAbandoned(isProcessAlive);
}

export interface FolderRunsOptions {
  dataDir: string;
  store: FolderStore;
  /** Path of redis-server or valkey-server, if known. */
  redisServer: string | undefined;
  /** Path of the module that trains a run. */
  childModule: string;
  /** Called when Redis is gone for good. */
  onLost(error: StylographError): void;
}

/** A run that this process trains. */
export interface LocalTraining {
  /** Settles when the end of the run is recorded. */
  done: Promise<void>;
  /** Kills the run's process. The run can go on from its last checkpoint. */
  abandon(): void;
}

/** The runs of a data folder, for a command: the folder's own Redis, and training in this process's children. */
export class FolderRuns {
  readonly runs: RunStore;
  readonly events: RunEvents;
  readonly hub: EventHub;
  readonly #options: FolderRunsOptions;
  readonly #folder: FolderRedis;
  readonly #keys: Keys;
  readonly #redis: Redis;
  #supervisor: RunSupervisor | undefined;

  private constructor(options: FolderRunsOptions, folder: FolderRedis, redis: Redis) {
    this.#options = options;
    this.#folder = folder;
    this.#keys = redisKeys();
    this.#redis = redis;
    this.runs = new RunStore(this.#redis, this.#keys, { queueLimit: Number.MAX_SAFE_INTEGER });
    this.events = new RunEvents(this.#redis, this.#keys);
    this.hub = new EventHub(this.#redis, folder.target, this.#keys);
  }

  /** @throws redis_unavailable, store_mismatch */
  static async open(options: FolderRunsOptions): Promise<FolderRuns> {
    const { dataDir, redisServer: server, onLost } = options;
    let opened: FolderRuns | undefined;
    const folder = await FolderRedis.open({
      dataDir,
      server,
      onLost,
      // The process that owned Redis may have been killed while it trained a run.
      onOwner: () => void opened?.runs.pauseAbandoned(isProcessAlive).catch(() => undefined),
    });
    const redis = connectRedis(folder.target, 'prompt');
    try {
      await waitUntilReady(redis, READY_MS);
      await pairWithStore(folder.target, options.store);
      opened = new FolderRuns(options, folder, redis);
      await adoptRuns(dataDir, folder.target, opened.#keys, opened.runs);
    } catch (error) {
      await opened?.hub.close();
      redis.disconnect();
      await folder.close();
      throw error;
    }
    return opened;
  }

  /** The server that works in the folder, if one does. Its worker trains every run that waits. */
  get serverPid(): number | undefined {
    return this.#folder.serverPid;
  }

  metrics(runId: string, query: MetricsQuery): Promise<Series> {
    return readMetrics(this.#redis, this.#keys, runId, query);
  }

  /** Trains a run that waits. @throws run_not_found, invalid_state */
  async train(runId: string): Promise<LocalTraining> {
    const supervisor = await this.#supervise();
    const fence = await supervisor.runs.takeForCommand(runId, thisProcess());
    return { done: supervisor.train(runId, fence), abandon: () => supervisor.kill(runId) };
  }

  /** The supervisor of all runs that this command trains. */
  async #supervise(): Promise<RunSupervisor> {
    if (this.#supervisor) return this.#supervisor;
    const { dataDir, childModule } = this.#options;
    this.#supervisor = new RunSupervisor({
      settings: { redis: this.#folder.target, keyPrefix: DEFAULT_PREFIX, storeRoot: dataDir, dataDir },
      childModule,
      requeues: false,
      // The record says what went wrong, and the command shows it.
      warn: () => undefined,
    });
    await this.#supervisor.start();
    return this.#supervisor;
  }

  async close(): Promise<void> {
    await this.#supervisor?.runs.close();
    this.#supervisor?.disconnect();
    await this.hub.close();
    await this.runs.close();
    this.#redis.disconnect();
    await this.#folder.close();
  }
}
