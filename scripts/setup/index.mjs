import { installEngine } from './engine.mjs';
import { installPackages } from './packages.mjs';
import { checkNode } from './platform.mjs';
import { findRedisServer } from './redis.mjs';

/**
 * Everything a fresh clone needs, each only when it is missing. A second run takes a moment.
 *
 * @returns {Promise<{ redisServer: string | undefined }>} the Redis program, when REDIS_URL does not name a server
 */
export async function setUp() {
  checkNode();
  await installPackages();
  await installEngine();
  return { redisServer: process.env.REDIS_URL ? undefined : await findRedisServer() };
}
