import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openContainers, run } from './rehearsal/containers.mjs';
import { useService } from './rehearsal/service.mjs';

/**
 * Builds the image from docker/Dockerfile without an image registry and runs it. Only the base image is replaced: by a fresh
 * Debian from debootstrap with the same Node version from npm. Then a container runs as in docker-compose.yml (the image's
 * user, read-only root, no capabilities), trains briefly, serves an image and is stopped.
 *
 *   as root on Debian: apt-get install -y --no-install-recommends debootstrap podman runc
 *                      node docker/rehearse.mjs FOLDER        writes report.json, container.txt and 3.png
 *
 * This machine's package mirrors are configured in the base image only.
 */
const ROOT = resolve(import.meta.dirname, '..');
const RELEASE = 'bookworm';
/** Files that configure package managers, and their path in the base image. Missing files are skipped. */
const MIRRORS = {
  '/etc/apt/sources.list': 'etc/apt/sources.list',
  '/etc/apt/sources.list.d/debian.sources': 'etc/apt/sources.list.d/debian.sources',
  '/etc/pip.conf': 'etc/pip.conf',
  '/usr/local/share/ca-certificates': 'usr/local/share/ca-certificates',
};

const [folder] = process.argv.slice(2);
if (!folder || process.getuid() !== 0) {
  console.error('rehearse: run as root with an output folder: node docker/rehearse.mjs FOLDER');
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'stylograph-image-'));
const started = performance.now();
const seconds = {};
async function step(name, action) {
  console.log(`rehearse: ${name} ...`);
  const start = performance.now();
  const result = await action();
  seconds[name] = Math.round((performance.now() - start) / 100) / 10;
  return result;
}

function debianMirror() {
  const sources = '/etc/apt/sources.list.d/debian.sources';
  const text = existsSync(sources)
    ? readFileSync(sources, 'utf8')
    : readFileSync('/etc/apt/sources.list', 'utf8');
  return /^URIs:\s*(\S+)/m.exec(text)?.[1] ?? /^deb\s+(?:\[.*?\]\s+)?(\S+)/m.exec(text)?.[1];
}

/** Unpacks an npm package into a folder. */
function unpack(name, version, into) {
  const file = run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: work })
    .split('\n')
    .at(-1);
  mkdirSync(into, { recursive: true });
  run('tar', ['-xzf', join(work, file), '-C', into, '--strip-components=1']);
}

function makeBase(root, nodeVersion) {
  const mirror = debianMirror();
  run('debootstrap', [
    '--variant=minbase',
    '--include=ca-certificates',
    RELEASE,
    root,
    ...(mirror ? [mirror] : []),
  ]);
  for (const [from, to] of Object.entries(MIRRORS)) {
    if (existsSync(from)) cpSync(from, join(root, to), { recursive: true });
    else rmSync(join(root, to), { force: true });
  }
  run('chroot', [root, 'update-ca-certificates']);
  const registry = run('npm', ['config', 'get', 'registry']);
  mkdirSync(join(root, 'usr/local/etc'), { recursive: true });
  writeFileSync(join(root, 'usr/local/etc/npmrc'), `registry=${registry}\n`);

  const unpacked = join(work, 'node');
  unpack(`node-linux-${process.arch}`, nodeVersion, unpacked);
  cpSync(join(unpacked, 'bin/node'), join(root, 'usr/local/bin/node'));
  const npm = join(root, 'usr/local/lib/node_modules/npm');
  unpack('npm', run('npm', ['--version']), npm);
  for (const name of ['npm', 'npx']) {
    run('ln', ['-sf', `../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name)]);
    run('chmod', ['755', join(npm, 'bin', `${name}-cli.js`)]);
  }
  run('chroot', [root, 'groupadd', '--gid', '1000', 'node']);
  run('chroot', [root, 'useradd', '--uid', '1000', '--gid', '1000', '--create-home', 'node']);
}

const containers = openContainers(work);
try {
  const dockerfile = readFileSync(join(ROOT, 'docker/Dockerfile'), 'utf8');
  const [, base, nodeVersion] = /^ARG NODE_IMAGE=((?:node):([\d.]+)\S*?)(?:@\S+)?$/m.exec(dockerfile);
  const rootfs = join(work, 'rootfs');
  await step('base image', () => {
    makeBase(rootfs, nodeVersion);
    containers.importBase(rootfs, `docker.io/library/${base}`);
    rmSync(rootfs, { recursive: true });
  });
  await step('docker build', () => containers.build(ROOT, 'docker/Dockerfile', 'stylograph:cpu'));
  mkdirSync(folder, { recursive: true });
  const used = await useService(containers, 'stylograph:cpu', folder, step);
  const image = containers.inspectImage('stylograph:cpu');
  const report = {
    at: new Date().toISOString(),
    base: `${RELEASE} by debootstrap, Node ${nodeVersion}, instead of ${base}`,
    engine: containers.version(),
    image: { megabytes: Math.round(image.Size / 1e6), user: image.User, command: image.Config.Cmd },
    ...used,
    seconds: { ...seconds, all: Math.round((performance.now() - started) / 1000) },
  };
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`rehearse: all steps worked; ${join(folder, 'report.json')}`);
} catch (error) {
  console.error(`rehearse: ${error.message}`);
  process.exitCode = 1;
} finally {
  containers.close();
  rmSync(work, { recursive: true, force: true });
}
