import { build } from '../scripts/setup/build.mjs';
import { setUp } from '../scripts/setup/index.mjs';

/** What a benchmark of the whole service needs: everything installed, src/ compiled, a Redis program known. */
export async function prepare() {
  const { redisServer } = await setUp();
  if (redisServer) process.env.REDIS_SERVER ??= redisServer;
  await build();
}
