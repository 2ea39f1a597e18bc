import { type PrivateRedis, startPrivateRedis } from '../../src/platform/redis/private-redis.ts';

/** A Redis of the test's own in a folder; `npm test` names the server program. */
export async function startTestRedis(folder: string): Promise<PrivateRedis> {
  const server = process.env.REDIS_SERVER;
  if (!server)
    throw new Error('REDIS_SERVER must name a redis-server or valkey-server program; run "npm test"');
  return await startPrivateRedis({ dataDir: folder, server });
}
