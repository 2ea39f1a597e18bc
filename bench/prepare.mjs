import { build } from '../scripts/setup/build.mjs';
import { setUp } from '../scripts/setup/index.mjs';

/** Prepares a benchmark of the whole service: installs what is missing, compiles src/ and finds a Redis program. */
export async function prepare() {
  const { redisServer } = await setUp();
  if (redisServer) process.env.REDIS_SERVER ??= redisServer;
  await build();
}
