#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './setup/build.mjs';
import { setUp } from './setup/index.mjs';
import { ROOT } from './setup/paths.mjs';
import { run } from './setup/problem.mjs';

/** The command line from a clone: what is missing is installed, what has changed is compiled, then src/bin/stylograph.ts runs. */
await run(async () => {
  if (!existsSync(join(ROOT, 'node_modules', 'commander'))) await setUp();
  await build();
});
await import('../dist/bin/stylograph.js');
