import { build } from './setup/build.mjs';
import { setUp } from './setup/index.mjs';
import { checkExposure } from './setup/platform.mjs';
import { run } from './setup/problem.mjs';

await run(async () => {
  checkExposure();
  const { redisServer } = await setUp();
  if (redisServer) process.env.REDIS_SERVER ??= redisServer;
  await build();
});
// In this process, so that signals reach the server.
await import('../dist/bin/server.js');
