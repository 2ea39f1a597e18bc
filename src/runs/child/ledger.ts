import type { RunChildSettings } from '../../core/contracts/worker.ts';
import { connectRedis } from '../../platform/redis/connection.ts';
import { redisKeys } from '../../platform/redis/key-names.ts';
import { RunEvents } from '../redis/events.ts';
import type { Series } from '../redis/metrics.ts';
import { readMetrics } from '../redis/metrics.ts';
import { awaitLoaded, publishModel } from '../redis/published.ts';
import { RunStore } from '../redis/run-store.ts';

/** How long a finished run waits for the servers that listen to load its model. */
const LOAD_LIMIT_MS = 5_000;

/** Where a run's record and events are kept. */
export interface RunLedger {
  runs: Pick<RunStore, 'get' | 'patch' | 'checkFence' | 'beginPublishing'>;
  events: Pick<RunEvents, 'append'>;
  /** Every metric in the run's events, one series per name. */
  metrics(runId: string): Promise<Series>;
  /** Announces a published model to the servers. @returns false when one of them has not loaded it in time */
  announce(modelId: string): Promise<boolean>;
}

type OpenLedger = RunLedger & { close(): void };

/** Opens the records and events of runs. */
export function openLedger({
  redis: target,
  keyPrefix,
}: Pick<RunChildSettings, 'redis' | 'keyPrefix'>): OpenLedger {
  const redis = connectRedis(target, 'patient');
  const keys = redisKeys(keyPrefix);
  return {
    runs: new RunStore(redis, keys),
    events: new RunEvents(redis, keys),
    metrics: (runId) => readMetrics(redis, keys, runId),
    announce: async (modelId) => {
      const receivers = await publishModel(redis, keys, modelId);
      return await awaitLoaded(redis, keys, modelId, receivers, LOAD_LIMIT_MS);
    },
    close: () => redis.disconnect(),
  };
}
