#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './setup/build.mjs';
import { setUp } from './setup/index.mjs';
import { ROOT } from './setup/paths.mjs';
import { run } from './setup/problem.mjs';
import { findRedisServer } from './setup/redis.mjs';

/** The command line in a clone: installs what is missing, compiles what has changed, then runs src/bin/stylograph.ts. */
await run(async () => {
  if (!existsSync(join(ROOT, 'node_modules', 'commander'))) await setUp();
  // Runs in a folder are kept in a Redis of their own.
  const redisServer = process.env.REDIS_SERVER || (await findRedisServer().catch(() => undefined));
  if (redisServer) process.env.REDIS_SERVER = redisServer;
  await build();
});
await import('../dist/bin/stylograph.js');
