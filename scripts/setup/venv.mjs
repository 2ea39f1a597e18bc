import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireDisk } from './download.mjs';
import { withLock } from './lock.mjs';
import { CACHE, digestOf, findOnPath } from './paths.mjs';
import { SetupProblem, say } from './problem.mjs';
import { execute } from './processes.mjs';

const INSTALL_VENV =
  'Install it: apt-get install -y python3 python3-venv   (Debian 12 or newer)   or   dnf install -y python3.12';
const PIP = ['-m', 'pip', 'install', '--no-cache-dir', '--only-binary=:all:', '--disable-pip-version-check'];

/** @returns the version, such as `3.11` */
async function checkPython(python, [major, minor]) {
  const { code, output } = await execute(python, [
    '-c',
    "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])",
  ]);
  const [foundMajor, foundMinor] = output.trim().split('.').map(Number);
  const recent = foundMajor > major || (foundMajor === major && foundMinor >= minor);
  if (code === 0 && recent) return `${foundMajor}.${foundMinor}`;
  throw new SetupProblem(
    code === 0 ? `Python ${output.trim()} is too old.` : `${python} cannot create virtual environments.`,
    INSTALL_VENV,
  );
}

async function install(python, folder, { requirements, what, gigabytes }) {
  requireDisk(CACHE, gigabytes);
  rmSync(folder, { recursive: true, force: true });
  say(`installing ${what}, once ...`);
  const made = await execute(python, ['-m', 'venv', folder]);
  const { code, output } =
    made.code === 0
      ? await execute(join(folder, 'bin', 'python'), [...PIP, '--quiet', '--requirement', requirements])
      : made;
  if (code === 0) return;
  const tail = output.trim().split('\n').slice(-8).join('\n');
  throw new SetupProblem(
    `Python packages could not be installed:\n${tail}`,
    "Check the network, the disk and pip's settings (python3 -m pip config list), then run the same command again.",
  );
}

/**
 * A Python virtual environment in the shared cache, created when it is missing.
 *
 * @param {{name: string, requirements: string, what: string, gigabytes: number, oldest: [number, number]}} environment
 *   `requirements` is the path of a file, `what` describes the packages in messages
 * @returns {Promise<string>} path of its python
 * @throws SetupProblem with the remedy when it cannot be created
 */
export async function ensureVenv(environment) {
  const python = findOnPath('python3', 'python');
  if (!python) throw new SetupProblem('Python 3 is missing.', INSTALL_VENV);
  const version = await checkPython(python, environment.oldest);
  const folder = join(CACHE, `${environment.name}-py${version}-${digestOf(environment.requirements)}`);
  const complete = join(folder, '.complete');
  if (!existsSync(complete)) {
    mkdirSync(CACHE, { recursive: true });
    await withLock(`${folder}.lock`, async () => {
      // Another process may have created it meanwhile.
      if (existsSync(complete)) return;
      await install(python, folder, environment);
      writeFileSync(complete, '');
    });
  }
  return join(folder, 'bin', 'python');
}
