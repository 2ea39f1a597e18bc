import { build } from './setup/build.mjs';
import { setUp } from './setup/index.mjs';
import { run, say } from './setup/problem.mjs';

await run(async () => {
  await setUp({ again: true });
  await build();
  say('everything is installed.');
});
