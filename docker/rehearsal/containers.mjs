import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Runs a program to its end. @returns its standard output @throws with the end of its output */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1e9, ...options });
  if (result.error?.code === 'ENOENT') {
    throw new Error(
      `${program} is missing: apt-get install -y --no-install-recommends debootstrap podman runc`,
    );
  }
  if (result.error || result.status !== 0) {
    const output = `${result.stdout ?? ''}\n${result.stderr ?? result.error}`.trim().slice(-4000);
    throw new Error(`${program} ${args.join(' ')} ended with ${result.status}:\n${output}`);
  }
  return (result.stdout ?? '').trim();
}

/** Limits below those of the parent process, which need no capability. */
const ULIMITS = ['--ulimit', 'nofile=1024:4096', '--ulimit', 'nproc=4000:4000'];

/** The restrictions of docker-compose.yml. */
const LOCKED = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'all', '--security-opt', 'no-new-privileges'];

/** Podman with its images and containers in one folder, separate from others on this machine. */
export function openContainers(folder) {
  const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  const place = [...storage, '--storage-driver', 'overlay'];
  const podman = (args, options) => run('podman', [...place, '--runtime', 'runc', ...args], options);
  return {
    version: () => podman(['--version']),
    inspectImage: (image) => JSON.parse(podman(['image', 'inspect', image]))[0],
    /** Builds an image from a root file system. */
    importBase(rootfs, name) {
      const changes = [
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        // Node's own certificates may lack the one of a mirror.
        'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
        'CMD ["node"]',
      ];
      const archive = join(folder, 'rootfs.tar');
      run('tar', ['-C', rootfs, '-cf', archive, '.']);
      podman(['import', ...changes.flatMap((change) => ['--change', change]), archive, name]);
      run('rm', [archive]);
    },
    build(context, file, tag) {
      // The OCI format has no health checks.
      const format = ['--format', 'docker', '--pull=never', '--layers=false', '--network', 'host'];
      podman(['build', ...format, ...ULIMITS, '--file', file, '--tag', tag, '.'], { cwd: context });
    },
    /** Runs an image as docker-compose.yml does. */
    run(image, command, { name, detached = false, env = {} }) {
      const variables = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
      const how = detached ? ['--detach', '--name', name] : ['--rm'];
      const rest = ['--network', 'host', '--volume', 'stylograph-data:/data', ...ULIMITS];
      return podman(['run', ...how, ...LOCKED, ...variables, ...rest, image, ...command]);
    },
    exec: (name, command) => podman(['exec', name, ...command]),
    /** Runs the health check of the image once. */
    isHealthy(name) {
      try {
        podman(['healthcheck', 'run', name]);
        return true;
      } catch {
        return false;
      }
    },
    isRunning: (name) => podman(['inspect', '--format', '{{.State.Running}}', name]) === 'true',
    logs: (name) => run('sh', ['-c', 'exec "$@" 2>&1', 'sh', 'podman', ...place, 'logs', name]),
    /** @returns the exit code of its first process */
    stop(name) {
      podman(['stop', '--time', '40', name]);
      return Number(podman(['inspect', '--format', '{{.State.ExitCode}}', name]));
    },
    close() {
      for (const args of [
        ['rm', '--all', '--force'],
        ['volume', 'rm', '--all', '--force'],
      ]) {
        spawnSync('podman', [...place, '--runtime', 'runc', ...args]);
      }
      // Layers contain files of other users, some of them read-only.
      spawnSync('rm', ['-rf', folder]);
    },
  };
}
