import { type PrivateRedis, startPrivateRedis } from '../../src/platform/redis/private-redis.ts';

/** A Redis server for one test, with its data in `folder`. `npm test` sets REDIS_SERVER. */
export async function startTestRedis(folder: string): Promise<PrivateRedis> {
  const server = process.env.REDIS_SERVER;
  if (!server)
    throw new Error(
      'REDIS_SERVER must be the path of a redis-server or valkey-server program; run "npm test", which sets it',
    );
  return await startPrivateRedis({ dataDir: folder, server });
}
