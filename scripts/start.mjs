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
// In this very process, so that signals reach the server itself.
await import('../dist/bin/server.js');
