import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireDisk } from '../../scripts/setup/download.mjs';
import { withLock } from '../../scripts/setup/lock.mjs';
import { CACHE, digestOf, findOnPath } from '../../scripts/setup/paths.mjs';
import { checkPlatform } from '../../scripts/setup/platform.mjs';
import { SetupProblem, say } from '../../scripts/setup/problem.mjs';
import { execute } from '../../scripts/setup/processes.mjs';

const REQUIREMENTS = fileURLToPath(new URL('./requirements.txt', import.meta.url));
/** What numpy and others in requirements.txt ask for. */
const OLDEST_PYTHON = [3, 11];
const INSTALL_VENV =
  'Install it: apt-get install -y python3 python3-venv   (Debian 12 or newer)   or   dnf install -y python3.12';

/** @returns the version as `3.11`, for the folder's name */
async function checkPython(python) {
  const { code, output } = await execute(python, [
    '-c',
    "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])",
  ]);
  const [major, minor] = output.trim().split('.').map(Number);
  const recent = major > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1]);
  if (code === 0 && recent) return `${major}.${minor}`;
  throw new SetupProblem(
    code === 0
      ? `Python ${output.trim()} is too old for the peers.`
      : `${python} cannot make virtual environments.`,
    INSTALL_VENV,
  );
}

async function install(python, folder) {
  requireDisk(CACHE, 14);
  rmSync(folder, { recursive: true, force: true });
  say(
    "installing the benchmarks' peers: TensorFlow, Keras, PyTorch, FastAPI, LitServe (about 4 GB, once) ...",
  );
  const made = await execute(python, ['-m', 'venv', folder]);
  const pip = [
    '-m',
    'pip',
    'install',
    '--no-cache-dir',
    '--only-binary=:all:',
    '--disable-pip-version-check',
  ];
  const { code, output } =
    made.code === 0
      ? await execute(join(folder, 'bin', 'python'), [...pip, '--quiet', '--requirement', REQUIREMENTS])
      : made;
  if (code === 0) return;
  const tail = output.trim().split('\n').slice(-8).join('\n');
  throw new SetupProblem(
    `The benchmarks' peers could not be installed:\n${tail}`,
    "Check the network, the disk and pip's settings (python3 -m pip config list), then run the same command again.",
  );
}

/**
 * The virtual environment of the peers, made when it is missing; clones share it in the project's cache folder.
 * Nothing but the benchmarks uses it.
 *
 * @returns {Promise<string>} path of its python
 * @throws SetupProblem when it cannot be made, with the remedy
 */
export async function ensurePeerEnvironment() {
  checkPlatform();
  const python = findOnPath('python3', 'python');
  if (!python) throw new SetupProblem('Python 3 is missing; the peers are written in it.', INSTALL_VENV);
  const version = await checkPython(python);
  const folder = join(CACHE, `peers-py${version}-${digestOf(REQUIREMENTS)}`);
  const complete = join(folder, '.complete');
  if (!existsSync(complete)) {
    mkdirSync(CACHE, { recursive: true });
    await withLock(`${folder}.lock`, async () => {
      // Another may have made it meanwhile.
      if (existsSync(complete)) return;
      await install(python, folder);
      writeFileSync(complete, '');
    });
  }
  return join(folder, 'bin', 'python');
}
