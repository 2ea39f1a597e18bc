import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { CACHE, findOnPath } from './paths.mjs';
import { say } from './problem.mjs';
import { execute } from './processes.mjs';

/**
 * A program that Go builds from source into the cache, for tests that can do without it.
 *
 * @param {{ name: string, module: string, version: string, what: string }} wish `what` is said while it is built
 * @returns {Promise<{ program: string } | { problem: string }>} its path, or why there is none
 */
export async function buildWithGo({ name, module, version, what }) {
  const folder = join(CACHE, `${name}-${process.arch}-${version}`);
  const built = () => existsSync(folder) && readdirSync(folder)[0];
  if (built()) return { program: join(folder, built()) };
  const go = findOnPath('go') ?? (existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : undefined);
  if (!go) return { problem: 'here is no Go to build it with' };
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
