import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * npm run fonts -- FOLDER
 *
 * Fetches the open fonts of examples/fonts/packages.txt from the npm registry into a folder each: of every package the
 * regular, bold and italic faces for Latin, as far as it has them, and its licence. One package after another; those that
 * are there already are not fetched again, so that a second call goes on where the first was stopped.
 */
const run = promisify(execFile);
const LIST = fileURLToPath(new URL('../examples/fonts/packages.txt', import.meta.url));
const FACES = ['latin-400-normal', 'latin-700-normal', 'latin-400-italic'];
const BATCH = 10;

const target = process.argv[2];
if (target === undefined) {
  console.error('Say where to: npm run fonts -- FOLDER');
  process.exit(2);
}
const folder = resolve(target);
await mkdir(folder, { recursive: true });
const there = new Set(await readdir(folder));
const wanted = (await readFile(LIST, 'utf8')).split('\n').filter(Boolean);
const missing = wanted.filter((name) => !there.has(folderOf(name)));
console.log(`${wanted.length - missing.length} of ${wanted.length} packages are there.`);

const failed = [];
for (let at = 0; at < missing.length; at += BATCH) {
  const batch = missing.slice(at, at + BATCH);
  failed.push(...(await fetchFaces(batch)));
  console.log(`${Math.min(at + BATCH, missing.length)} of ${missing.length}`);
}
if (failed.length > 0) {
  console.error(`${failed.length} could not be fetched; the same command again tries them once more.`);
  process.exitCode = 1;
}

/** "@fontsource/abel@5.3.0" → "abel". */
function folderOf(name) {
  return name.split('/')[1].split('@')[0];
}

/** Gives back what could not be fetched: a batch with something wrong in it is tried one by one. */
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

/** A package's folder appears whole or not at all. */
async function unpack(archive, name) {
  const { stdout } = await run('tar', ['-tzf', archive], { maxBuffer: 64 * 1024 * 1024 });
  const faces = FACES.map((face) => `package/files/${name}-${face}.woff`);
  const members = stdout
    .split('\n')
    .filter((member) => faces.includes(member) || member === 'package/LICENSE');
  if (!members.some((member) => faces.includes(member))) throw new Error(`holds none of ${FACES.join(', ')}`);
  const place = `${archive}.faces`;
  await mkdir(place);
  await run('tar', ['-xzf', archive, '-C', place, '--strip-components', '1', ...members]);
  await rename(place, join(folder, name));
}
