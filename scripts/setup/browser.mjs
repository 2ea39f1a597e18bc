import { findOnPath } from './paths.mjs';
import { say } from './problem.mjs';
import { execute } from './processes.mjs';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];
const REMEDY = 'install one (Debian: apt-get install -y chromium), or name its program in CHROMIUM';

/**
 * Finds a Chromium for the tests of the dashboard: named in CHROMIUM, on PATH, or installed now as a Debian package by root.
 * Without one those tests are skipped, and one line says how to enable them.
 *
 * @returns {Promise<string | undefined>} path of the program
 */
export async function findBrowser() {
  const found = process.env.CHROMIUM || findOnPath(...PROGRAMS);
  if (found) return found;
  const aptGet = findOnPath('apt-get');
  if (aptGet && process.getuid?.() === 0) {
    say('installing Chromium for the tests of the dashboard (90 MB, once) ...');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await execute(aptGet, ['update'], { env });
    await execute(aptGet, ['install', '-y', '--no-install-recommends', 'chromium'], { env });
    const installed = findOnPath(...PROGRAMS);
    if (installed) return installed;
  }
  say(`no Chromium found, so the dashboard is not tested in a browser; ${REMEDY}.`);
  return undefined;
}
