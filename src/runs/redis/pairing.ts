import { StylographError } from '../../core/errors.ts';
import { connectRedis, guarded, type RedisTarget, waitUntilReady } from '../../platform/redis/connection.ts';
import { DEFAULT_PREFIX, redisKeys } from '../../platform/redis/key-names.ts';
import { type FolderStore, storeIdentity } from '../../store/index.ts';

const READY_MS = 15_000;

/**
 * Binds a Redis to the store that its runs keep their results in, the first time the two meet. A machine with another
 * STORE_URL, or without one, would take runs whose checkpoints it cannot see and store models that nobody finds.
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
    `The runs of this Redis keep their results in another store than the one named here. Set the same STORE_URL on every machine (or the same DATA_DIR, without one); to give the old store up for good, remove the key ${key} from Redis.`,
  );
}
