import type { Redis } from 'ioredis';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';

const POLL_MS = 25;
const ACK_SECONDS = 60;

/**
 * Announces a published model.
 * @returns the number of API processes that received it and will try to load it
 */
export async function publishModel(redis: Redis, keys: Keys, modelId: string): Promise<number> {
  return await guarded(() => redis.publish(keys.published, modelId));
}

/** Waits until `receivers` API processes have loaded the model or failed to. @returns false on a timeout */
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
 * Loads every published model and acknowledges it. A failed load is acknowledged too, so that the run does not wait for
 * it.
 *
 * @param redis for the acknowledgement
 * @param subscriber a separate `patient` connection, used only for this subscription
 * @returns a function that ends the subscription
 */
export async function onModelPublished(
  redis: Redis,
  subscriber: Redis,
  keys: Keys,
  load: (modelId: string) => Promise<void>,
): Promise<() => Promise<void>> {
  const loadAndAcknowledge = async (modelId: string): Promise<void> => {
    try {
      await load(modelId);
    } finally {
      const key = keys.loaded(modelId);
      await redis.multi().rpush(key, '1').expire(key, ACK_SECONDS).exec();
    }
  };
  const listener = (channel: string, message: string): void => {
    // `load` reports its own failures. Without an acknowledgement, the run waits until its timeout.
    if (channel === keys.published) loadAndAcknowledge(message).catch(() => undefined);
  };
  subscriber.on('message', listener);
  await guarded(() => subscriber.subscribe(keys.published));
  return async () => {
    subscriber.off('message', listener);
    await guarded(() => subscriber.unsubscribe(keys.published));
  };
}
