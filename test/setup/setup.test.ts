import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let tools: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylograph-setup-'));
  tools = join(folder, 'tools');
  mkdirSync(tools);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs one set-up step in a separate process with an empty cache and only the given programs on PATH. */
function step(expression: string, programs: Record<string, string> = {}, env: Record<string, string> = {}) {
  const path = mkdtempSync(join(tools, 'path-'));
  for (const [name, script] of Object.entries(programs)) {
    const file = join(path, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
  symlinkSync(process.execPath, join(path, 'node'));
  const code = `import { run } from './scripts/setup/problem.mjs'; await run(async () => { ${expression} });`;
  const cache = mkdtempSync(join(folder, 'cache-'));
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: ROOT,
    env: { PATH: path, HOME: folder, STYLOGRAPH_CACHE: cache, ...env },
    encoding: 'utf8',
  });
  return {
    code: result.status,
    message: result.stderr,
    left: readdirSync(cache).filter((name) => name !== 'downloads'),
  };
}

const BUILD = `const { fetchLibraries } = await import('./scripts/setup/engine.mjs'); await fetchLibraries('cpu', process.env.STYLOGRAPH_CACHE);`;
const PYTHON = 'exec /bin/sh -c "exit 0"';

test('a missing compiler gives one message with the install command and leaves no files', () => {
  const { code, message, left } = step(BUILD, { python3: PYTHON });
  assert.equal(code, 1);
  assert.match(message, /C\+\+ compiler is missing[\s\S]*apt-get install -y g\+\+/);
  assert.deepEqual(left, []);
});

test('without Python or pip the message says how to install them', () => {
  const compiler = { 'g++': 'exit 0' };
  assert.match(step(BUILD, compiler).message, /Python 3 is missing[\s\S]*apt-get install -y python3-pip/);
  const { message } = step(BUILD, { ...compiler, python3: 'echo "No module named pip" >&2; exit 1' });
  assert.match(message, /has no pip[\s\S]*apt-get install -y python3-pip/);
});

/** A Python with pip whose download runs the given script. */
const pip = (download: string) => `case "$*" in *"--version"*) exit 0;; esac\n${download}`;

test('a failed download, a damaged one and a full disk each have their own remedy', () => {
  const compiler = { 'g++': 'exit 0' };
  const failing = (says: string) =>
    step(BUILD, { ...compiler, python3: pip(`echo "${says}" >&2; exit 1`) }).message;
  assert.match(failing('ERROR: Could not find a version'), /could not be downloaded[\s\S]*Check the network/);
  assert.match(
    failing('ERROR: THESE PACKAGES DO NOT MATCH THE HASHES'),
    /damaged and was deleted[\s\S]*same command again/,
  );
  assert.match(
    failing('OSError: [Errno 28] No space left on device'),
    /disk filled up[\s\S]*STYLOGRAPH_CACHE/,
  );
});

test('a full disk is reported before anything is downloaded', () => {
  const { code, message } = step(
    `const { requireDisk } = await import('./scripts/setup/download.mjs'); requireDisk('.', 1e9);`,
  );
  assert.equal(code, 1);
  assert.match(message, /GB are needed[\s\S]*Free some space/);
});

test('an old Node and an unsupported platform are refused by name', () => {
  const platform = `const { checkNode, checkPlatform } = await import('./scripts/setup/platform.mjs');`;
  assert.match(step(`${platform} checkNode('18.20.1');`).message, /Node 18.20.1 is too old[\s\S]*20\.19/);
  for (const version of ['20.19.0', '22.1.0', '24.0.0'])
    assert.equal(step(`${platform} checkNode('${version}');`).code, 0);
  const mac = step(`${platform} checkPlatform({ platform: 'darwin', arch: 'arm64' });`);
  assert.match(mac.message, /not built for darwin\/arm64[\s\S]*Use Linux/);
});

test('npm start without keys refuses other hosts before it installs or starts anything', () => {
  const started = spawnSync(process.execPath, ['scripts/start.mjs'], {
    cwd: ROOT,
    env: {
      PATH: dirname(process.execPath),
      HOME: folder,
      HOST: '0.0.0.0',
      DATA_DIR: join(folder, 'never'),
      STYLOGRAPH_CACHE: join(folder, 'no-cache'),
    },
    encoding: 'utf8',
  });
  assert.equal(started.status, 2);
  assert.match(started.stderr, /API_KEYS/);
  assert.ok(!existsSync(join(folder, 'never')) && !existsSync(join(folder, 'no-cache')));
});

test('the CUDA build is chosen by a flag or a GPU, and an unknown build is refused', () => {
  const choose = (env: string, gpu: boolean) =>
    step(
      `const { chooseBuild } = await import('./scripts/setup/engine.mjs'); process.stderr.write(chooseBuild(${env}, ${gpu}));`,
    ).message;
  assert.equal(choose('{}', false), 'cpu');
  assert.equal(choose('{}', true), 'cuda');
  assert.equal(choose('{ STYLOGRAPH_ENGINE: "cpu" }', true), 'cpu');
  assert.match(choose('{ STYLOGRAPH_ENGINE: "metal" }', false), /not known[\s\S]*cpu or cuda/);
});

test('the lock of a dead process is taken over', () => {
  const lock = join(folder, 'abandoned.lock');
  writeFileSync(lock, '999999999');
  const { code, message } = step(
    `const { withLock } = await import('./scripts/setup/lock.mjs'); await withLock('${lock}', async () => process.stderr.write('mine'));`,
  );
  assert.equal(code, 0);
  assert.match(message, /mine/);
  assert.ok(!existsSync(lock));
});

test('set-ups that find an abandoned lock run one after another', async () => {
  const lock = join(folder, 'contested.lock');
  writeFileSync(lock, '999999999');
  const log = join(folder, 'order');
  const code = `import { appendFileSync } from 'node:fs'; import { withLock } from './scripts/setup/lock.mjs';
    await withLock('${lock}', async () => {
      appendFileSync('${log}', 'in ');
      await new Promise((resolve) => setTimeout(resolve, 30));
      appendFileSync('${log}', 'out ');
    });`;
  const codes = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
        cwd: ROOT,
        stdio: 'ignore',
      });
      return (await once(child, 'exit'))[0];
    }),
  );
  assert.deepEqual(codes, [0, 0, 0, 0]);
  assert.equal(readFileSync(log, 'utf8'), 'in out '.repeat(4));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('contested')),
    [],
  );
});
