import { installEngine } from './engine.mjs';
import { installFashion } from './fashion.mjs';
import { installPackages } from './packages.mjs';
import { checkNode } from './platform.mjs';
import { findRedisServer } from './redis.mjs';

/**
 * Everything a fresh clone needs, each only when it is missing. A second run takes a moment.
 *
 * @param {{ again?: boolean }} options again: try also for what an earlier set-up could do without
 * @returns {Promise<{ redisServer: string | undefined }>} the Redis program, when REDIS_URL does not name a server
 */
export async function setUp({ again = false } = {}) {
  checkNode();
  await installPackages();
  await installEngine();
  await installFashion({ again });
  return { redisServer: process.env.REDIS_URL ? undefined : await findRedisServer() };
}
