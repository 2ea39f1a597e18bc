import type { RedisTarget } from '../../core/contracts/worker.ts';
import { StylographError } from '../../core/errors.ts';
import { launchPrivateRedis } from '../../platform/redis/private-redis.ts';
import type { Settings } from '../../platform/settings/settings.ts';
import type { Shutdown } from './shutdown.ts';

/** The Redis of the settings, or a private one that ends with this process. @throws redis_unavailable */
export async function openRedis(
  settings: Settings,
  shutdown: Shutdown,
  warn: (message: string) => void,
): Promise<RedisTarget> {
  const { DATA_DIR: dataDir, REDIS_URL: url, REDIS_SERVER: server } = settings;
  if (url !== undefined) return { url };
  if (server === undefined) {
    throw new StylographError(
      'redis_unavailable',
      'No Redis is configured. Start with "npm start", or set REDIS_URL or REDIS_SERVER.',
    );
  }
  const { redis, started } = launchPrivateRedis({ dataDir, server, onProblem: warn });
  shutdown.add('the private Redis', () => redis.close());
  await shutdown.unlessBegun(started);
  return redis.target;
}
