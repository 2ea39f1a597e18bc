#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './setup/build.mjs';
import { setUp } from './setup/index.mjs';
import { ROOT } from './setup/paths.mjs';
import { run } from './setup/problem.mjs';

/** The command line in a clone: installs what is missing, compiles what has changed, then runs src/bin/stylograph.ts. */
await run(async () => {
  if (!existsSync(join(ROOT, 'node_modules', 'commander'))) await setUp();
  await build();
});
await import('../dist/bin/stylograph.js');
