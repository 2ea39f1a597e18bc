import { StylographError } from '../../core/errors.ts';
import { connectRedis, guarded, type RedisTarget, waitUntilReady } from '../../platform/redis/connection.ts';
import { DEFAULT_PREFIX, redisKeys } from '../../platform/redis/key-names.ts';
import { type FolderStore, storeIdentity } from '../../store/index.ts';

const READY_MS = 15_000;

/**
 * Pairs a Redis with the first store that is used with it. A machine with another STORE_URL would take runs without
 * access to their checkpoints, and publish models where no other machine finds them.
 *
 * @throws store_mismatch, redis_unavailable, store_unavailable
 */
export async function pairWithStore(
  target: RedisTarget,
  store: FolderStore,
  keyPrefix = DEFAULT_PREFIX,
): Promise<void> {
  const id = await storeIdentity(store);
  const redis = connectRedis(target, 'prompt');
  const key = redisKeys(keyPrefix).store;
  try {
    await waitUntilReady(redis, READY_MS);
    await guarded(() => redis.set(key, id, 'NX'));
    const paired = await guarded(() => redis.get(key));
    if (paired === id) return;
  } finally {
    redis.disconnect();
  }
  throw new StylographError(
    'store_mismatch',
    `This Redis is paired with another store than the one configured here. Set the same STORE_URL on every machine, or the same DATA_DIR without one. To abandon the old store for good, remove the key ${key} from Redis.`,
  );
}
