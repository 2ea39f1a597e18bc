import { installEngine } from './engine.mjs';
import { installFashion } from './fashion.mjs';
import { installPackages } from './packages.mjs';
import { checkNode } from './platform.mjs';
import { findRedisServer } from './redis.mjs';

/**
 * Installs what a fresh clone needs. Skips what is installed already.
 *
 * @param {{ again?: boolean }} options again: retry optional parts that an earlier set-up could not install
 * @returns {Promise<{ redisServer: string | undefined }>} the Redis program, unless REDIS_URL names a server
 */
export async function setUp({ again = false } = {}) {
  checkNode();
  await installPackages();
  await installEngine();
  await installFashion({ again });
  return { redisServer: process.env.REDIS_URL ? undefined : await findRedisServer() };
}
