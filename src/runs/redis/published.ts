import type { Redis } from 'ioredis';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';

const POLL_MS = 25;
const ACK_SECONDS = 60;

/**
 * Announces a published model.
 * @returns how many API processes listen, and so will load it.
 */
export async function publishModel(redis: Redis, keys: Keys, modelId: string): Promise<number> {
  return await guarded(() => redis.publish(keys.published, modelId));
}

/** Waits until that many API processes have loaded the model or could not; false when the time is up. */
export async function awaitLoaded(
  redis: Redis,
  keys: Keys,
  modelId: string,
  receivers: number,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while ((await guarded(() => redis.llen(keys.loaded(modelId)))) < receivers) {
    if (Date.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}

/**
 * Calls back for every published model and acknowledges it afterwards, whether the callback succeeded or not:
 * a run must not wait for a model that cannot be loaded.
 *
 * @param redis for the acknowledgement
 * @param subscriber a connection of its own, `patient`, that does nothing else
 * @returns what ends the subscription
 */
export async function onModelPublished(
  redis: Redis,
  subscriber: Redis,
  keys: Keys,
  load: (modelId: string) => Promise<void>,
): Promise<() => Promise<void>> {
  const heard = async (modelId: string): Promise<void> => {
    try {
      await load(modelId);
    } finally {
      const key = keys.loaded(modelId);
      await redis.multi().rpush(key, '1').expire(key, ACK_SECONDS).exec();
    }
  };
  const listener = (channel: string, message: string): void => {
    // Whoever loads reports its own failures; that Redis is away now only makes the run wait its full time.
    if (channel === keys.published) heard(message).catch(() => undefined);
  };
  subscriber.on('message', listener);
  await guarded(() => subscriber.subscribe(keys.published));
  return async () => {
    subscriber.off('message', listener);
    await guarded(() => subscriber.unsubscribe(keys.published));
  };
}
