import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { CACHE, findOnPath } from './paths.mjs';
import { say } from './problem.mjs';
import { execute } from './processes.mjs';

/**
 * Builds an optional program of the tests from Go source into the cache.
 *
 * @param {{ name: string, module: string, version: string, what: string }} program `what` describes it in messages
 * @returns {Promise<{ program: string } | { problem: string }>} its path, or why it could not be built
 */
export async function buildWithGo({ name, module, version, what }) {
  const folder = join(CACHE, `${name}-${process.arch}-${version}`);
  const built = () => existsSync(folder) && readdirSync(folder)[0];
  if (built()) return { program: join(folder, built()) };
  const go = findOnPath('go') ?? (existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : undefined);
  if (!go) return { problem: 'Go is not installed' };
  mkdirSync(CACHE, { recursive: true });
  const problem = await withLock(`${folder}.lock`, async () => {
    if (built()) return undefined;
    say(`building ${what} (once) ...`);
    const unfinished = `${folder}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    const env = { ...process.env, GOBIN: unfinished };
    const { code, output } = await execute(go, ['install', `${module}@${version}`], { env });
    if (code !== 0) return output.trim().split('\n').at(-1);
    renameSync(unfinished, folder);
    return undefined;
  });
  return problem === undefined ? { program: join(folder, built()) } : { problem };
}
