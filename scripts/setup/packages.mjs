import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, ROOT } from './paths.mjs';
import { SetupProblem, say } from './problem.mjs';
import { execute } from './processes.mjs';

const STAMP = join(ROOT, 'node_modules', '.stylograph-installed');

/** Installs the npm dependencies of the lock file unless they are installed. */
export async function installPackages() {
  const wanted = digestOf(join(ROOT, 'package-lock.json'));
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return false;
  say('installing npm packages (about 600 MB in node_modules) ...');
  // Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which some registries lack.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = await execute('npm', args, { cwd: ROOT });
  if (code !== 0) {
    const full = /ENOSPC|no space left/i.test(output);
    throw new SetupProblem(
      `npm could not install the packages:\n${output.trim().split('\n').slice(-12).join('\n')}`,
      full
        ? 'The disk is full: free about 2 GB, then run the same command again.'
        : 'Check the network and the npm registry setting (npm config get registry), then run the same command again.',
    );
  }
  writeFileSync(STAMP, wanted);
  return true;
}
