import type { RunRecords } from '../contracts/worker.ts';
import { connectRedis } from '../queue/connection.ts';
import { RunEvents } from '../queue/events.ts';
import { redisKeys } from '../queue/keys.ts';
import { readMetrics } from '../queue/metrics.ts';
import { awaitLoaded, publishModel } from '../queue/published.ts';
import { RunStore } from '../queue/runs.ts';
import type { RunLedger } from './run.ts';

/** How long a finished run waits for the servers that listen to load its model. */
const LOAD_LIMIT_MS = 5_000;

/** Opens what keeps the records and events of runs. */
export function openLedger({ redis: target, keyPrefix }: RunRecords): RunLedger & { close(): void } {
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
