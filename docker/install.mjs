import { installEngine } from '../scripts/setup/engine.mjs';
import { installFashion } from '../scripts/setup/fashion.mjs';
import { installPackages } from '../scripts/setup/packages.mjs';
import { run } from '../scripts/setup/problem.mjs';

/** The part of set-up that does not depend on the sources, as a separate layer of the image. */
await run(async () => {
  await installPackages();
  await installEngine();
  await installFashion({ again: true });
});
