import { mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, findOnPath } from './paths.mjs';
import { SetupProblem, say } from './problem.mjs';
import { execute } from './processes.mjs';

const INSTALL_PIP =
  'Install it: apt-get install -y python3-pip   (Debian, Ubuntu)   or   dnf install -y python3-pip   (Fedora, RHEL)';

/** @returns a Python with pip */
async function pythonWithPip() {
  const python = findOnPath('python3', 'python');
  if (!python)
    throw new SetupProblem('Python 3 is missing; its pip downloads the native libraries.', INSTALL_PIP);
  const { code } = await execute(python, ['-m', 'pip', '--version']);
  if (code !== 0)
    throw new SetupProblem(`${python} has no pip, which downloads the native libraries.`, INSTALL_PIP);
  return python;
}

/** @param {number} gigabytes */
export function requireDisk(folder, gigabytes) {
  const { bavail, bsize } = statfsSync(folder);
  const free = (bavail * bsize) / 1e9;
  if (free < gigabytes) {
    throw new SetupProblem(
      `${folder} has ${free.toFixed(1)} GB left; ${gigabytes} GB are needed.`,
      'Free some space, or set STYLOGRAPH_CACHE to a folder on another disk; then run the same command again.',
    );
  }
}

/**
 * Downloads the wheels of a hash-pinned requirements file and unpacks their wanted members into `into`. Complete wheels of
 * an interrupted run are reused.
 *
 * @param {{ requirements: string, platforms: string[], wanted: string, into: string, what: string }} options
 *   `wanted` is a Python expression over a member's `name`
 */
export async function downloadWheels({ requirements, platforms, wanted, into, what }) {
  const python = await pythonWithPip();
  const downloads = join(CACHE, 'downloads', what.replace(/\W+/g, '-'));
  mkdirSync(downloads, { recursive: true });
  say(`downloading ${what} ...`);
  const { code, output } = await execute(
    python,
    [
      ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--require-hashes', '--no-cache-dir'],
      ...['--disable-pip-version-check', '--python-version', '311', '--implementation', 'cp'],
      ...['cp311', 'abi3', 'none'].flatMap((abi) => ['--abi', abi]),
      ...platforms.flatMap((platform) => ['--platform', platform]),
      ...[
        '--progress-bar',
        process.stderr.isTTY ? 'on' : 'off',
        '--dest',
        downloads,
        '--requirement',
        requirements,
      ],
    ],
    { show: process.stderr.isTTY },
  );
  if (code !== 0) throw downloadProblem(what, output, downloads);

  say(`unpacking ${what} ...`);
  const unpack = await execute(python, ['-c', UNPACK, downloads, into, wanted]);
  if (unpack.code !== 0) throw downloadProblem(what, unpack.output, downloads);
  rmSync(downloads, { recursive: true, force: true });
}

const UNPACK = `
import glob, os, sys, zipfile
downloads, into, wanted = sys.argv[1:]
select = eval("lambda name: " + wanted)
for wheel in sorted(glob.glob(os.path.join(downloads, "*.whl"))):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if not member.is_dir() and select(member.filename):
                path = archive.extract(member, into)
                if member.external_attr >> 16 & 0o111:
                    os.chmod(path, 0o755)
`;

function downloadProblem(what, output, downloads) {
  const tail = output.trim().split('\n').slice(-6).join('\n');
  if (/No space left|ENOSPC|Errno 28/i.test(output)) {
    return new SetupProblem(
      `The disk filled up during the download of ${what}.`,
      'Free some space, or set STYLOGRAPH_CACHE to a folder on another disk; then run the same command again.',
    );
  }
  if (/DO NOT MATCH THE HASHES|BadZipFile|CRC/i.test(output)) {
    for (const file of readdirSync(downloads))
      rmSync(join(downloads, file), { recursive: true, force: true });
    return new SetupProblem(
      `The download of ${what} is damaged and was deleted.`,
      'Run the same command again; if it happens again, look for a proxy that changes files.',
    );
  }
  return new SetupProblem(
    `${what} could not be downloaded:\n${tail}`,
    "Check the network and pip's settings (python3 -m pip config list), then run the same command again.",
  );
}
