import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { withLock } from './lock.mjs';
import { CACHE, findOnPath, ROOT } from './paths.mjs';
import { say } from './problem.mjs';
import { execute } from './processes.mjs';

/**
 * Fashion-MNIST (Xiao et al. 2017, MIT) as Debian packages it: the four IDX files as published. It is not on npm in this
 * form, so set-up takes it with apt-get where there is one, and does without it elsewhere: MNIST is enough to start.
 */
const PACKAGE = 'dataset-fashion-mnist';
/** Where the Debian package puts the files when it is installed. */
const INSTALLED = '/usr/share/datasets/fashion-mnist';
const FOLDER = join(CACHE, 'fashion-mnist');
const LINK = join(ROOT, 'node_modules', '.datasets', 'fashion-mnist');
const SKIPPED = `${LINK}.skipped`;
const FILES = {
  'train-images-idx3-ubyte.gz': 'b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7',
  'train-labels-idx1-ubyte.gz': '0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056',
  't10k-images-idx3-ubyte.gz': 'cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa',
  't10k-labels-idx1-ubyte.gz': '8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05',
};

const isIntact = (folder) =>
  Object.entries(FILES).every(([name, wanted]) => {
    const file = join(folder, name);
    return existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === wanted;
  });

/**
 * Installs Fashion-MNIST in this clone. If that fails, one message says so and set-up continues.
 *
 * @param {{ again?: boolean }} options again: retry after an earlier set-up failed
 */
export async function installFashion({ again = false } = {}) {
  if (existsSync(LINK) || existsSync(INSTALLED) || (existsSync(SKIPPED) && !again)) return;
  mkdirSync(dirname(LINK), { recursive: true });
  mkdirSync(CACHE, { recursive: true });
  const problem = await withLock(`${FOLDER}.lock`, () => (existsSync(FOLDER) ? undefined : fetchFiles()));
  rmSync(LINK, { recursive: true, force: true });
  if (problem === undefined) return symlinkSync(FOLDER, LINK);
  say(
    `Fashion-MNIST is skipped (${problem}). To use it, put its four IDX files into DATA_DIR/datasets/fashion-mnist,` +
      ' or install the Debian package dataset-fashion-mnist.',
  );
  writeFileSync(SKIPPED, problem);
}

/** @returns the problem, or undefined when the files are in the cache */
async function fetchFiles() {
  if (!findOnPath('apt-get') || !findOnPath('dpkg-deb'))
    return 'it is a Debian package, and apt-get is not installed';
  say('downloading Fashion-MNIST (31 MB, once) ...');
  const unfinished = `${FOLDER}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  try {
    const download = () => execute('apt-get', ['download', PACKAGE], { cwd: unfinished });
    let { code } = await download();
    if (code !== 0 && process.getuid?.() === 0) {
      await execute('apt-get', ['update']);
      ({ code } = await download());
    }
    const archive = readdirSync(unfinished).find((name) => name.endsWith('.deb'));
    if (code !== 0 || !archive)
      return `apt-get cannot download ${PACKAGE}; run apt-get update, then npm run setup`;
    const unpacked = await execute('dpkg-deb', ['-x', archive, 'content'], { cwd: unfinished });
    const content = join(unfinished, 'content', INSTALLED);
    if (unpacked.code !== 0 || !isIntact(content)) return `${archive} does not contain the expected files`;
    const ready = `${FOLDER}.ready`;
    rmSync(ready, { recursive: true, force: true });
    cpSync(content, ready, { recursive: true });
    renameSync(ready, FOLDER);
    return undefined;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
