import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * npm run fonts -- FOLDER
 *
 * Downloads the open fonts of examples/fonts/packages.txt from the npm registry, one folder per package: the regular, bold
 * and italic Latin faces that the package has, and its licence. Packages that exist in FOLDER are skipped, so a second call
 * continues an interrupted one.
 */
const run = promisify(execFile);
const LIST = fileURLToPath(new URL('../examples/fonts/packages.txt', import.meta.url));
const FACES = ['latin-400-normal', 'latin-700-normal', 'latin-400-italic'];
const BATCH = 10;

const target = process.argv[2];
if (target === undefined) {
  console.error('Name a target folder: npm run fonts -- FOLDER');
  process.exit(2);
}
const folder = resolve(target);
await mkdir(folder, { recursive: true });
const existing = new Set(await readdir(folder));
const wanted = (await readFile(LIST, 'utf8')).split('\n').filter(Boolean);
const missing = wanted.filter((name) => !existing.has(folderOf(name)));
console.log(`${wanted.length - missing.length} of ${wanted.length} packages exist already.`);

const failed = [];
for (let at = 0; at < missing.length; at += BATCH) {
  const batch = missing.slice(at, at + BATCH);
  failed.push(...(await fetchFaces(batch)));
  console.log(`${Math.min(at + BATCH, missing.length)} of ${missing.length}`);
}
if (failed.length > 0) {
  console.error(`${failed.length} could not be downloaded. Run the same command again to retry them.`);
  process.exitCode = 1;
}

/** "@fontsource/abel@5.3.0" → "abel". */
function folderOf(name) {
  return name.split('/')[1].split('@')[0];
}

/** Downloads a batch; if it fails, each package alone. @returns the packages that failed */
async function fetchFaces(names) {
  const place = await mkdtemp(join(folder, '.fetching-'));
  try {
    const shell = process.platform === 'win32';
    await run('npm', ['pack', ...names, '--silent', '--pack-destination', place], { shell });
    const archives = await readdir(place);
    for (const name of names) {
      const own = archives.find((file) => file === `fontsource-${name.split('/')[1].replace('@', '-')}.tgz`);
      await unpack(join(place, own), folderOf(name));
    }
    return [];
  } catch (error) {
    if (names.length === 1) {
      console.error(`${names[0]}: ${error.message}`);
      return names;
    }
    const left = names.filter((name) => !existsSync(join(folder, folderOf(name))));
    const tries = [];
    for (const name of left) tries.push(...(await fetchFaces([name])));
    return tries;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Unpacks a package; its folder appears complete or not at all. */
async function unpack(archive, name) {
  const { stdout } = await run('tar', ['-tzf', archive], { maxBuffer: 64 * 1024 * 1024 });
  const faces = FACES.map((face) => `package/files/${name}-${face}.woff`);
  const members = stdout
    .split('\n')
    .filter((member) => faces.includes(member) || member === 'package/LICENSE');
  if (!members.some((member) => faces.includes(member)))
    throw new Error(`contains none of ${FACES.join(', ')}`);
  const place = `${archive}.faces`;
  await mkdir(place);
  await run('tar', ['-xzf', archive, '-C', place, '--strip-components', '1', ...members]);
  await rename(place, join(folder, name));
}
