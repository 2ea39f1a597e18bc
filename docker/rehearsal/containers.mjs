import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Runs a program to its end. @returns what it printed @throws with the end of what it said */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1e9, ...options });
  if (result.error?.code === 'ENOENT') {
    throw new Error(
      `${program} is missing: apt-get install -y --no-install-recommends debootstrap podman runc`,
    );
  }
  if (result.error || result.status !== 0) {
    const said = `${result.stdout ?? ''}\n${result.stderr ?? result.error}`.trim().slice(-4000);
    throw new Error(`${program} ${args.join(' ')} ended with ${result.status}:\n${said}`);
  }
  return (result.stdout ?? '').trim();
}

/** How a container may use the machine less than its parent does, which needs no capability. */
const ULIMITS = ['--ulimit', 'nofile=1024:4096', '--ulimit', 'nproc=4000:4000'];

/** Podman with images and containers of its own in a folder, apart from whatever else this machine has. */
export function openContainers(folder) {
  const place = [
    '--root',
    join(folder, 'storage'),
    '--runroot',
    join(folder, 'run'),
    '--storage-driver',
    'overlay',
  ];
  const podman = (args, options) => run('podman', [...place, '--runtime', 'runc', ...args], options);
  return {
    version: () => podman(['--version']),
    inspectImage: (image) => JSON.parse(podman(['image', 'inspect', image]))[0],
    /** Makes an image of a folder of files. */
    importBase(rootfs, name) {
      const changes = [
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        // Node has certificates of its own; a mirror's may not be among them.
        'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
        'CMD ["node"]',
      ];
      const archive = join(folder, 'rootfs.tar');
      run('tar', ['-C', rootfs, '-cf', archive, '.']);
      podman(['import', ...changes.flatMap((change) => ['--change', change]), archive, name]);
      run('rm', [archive]);
    },
    build(context, file, tag) {
      // Docker's format, since OCI's has no health checks.
      const format = ['--format', 'docker', '--pull=never', '--layers=false', '--network', 'host'];
      podman(['build', ...format, ...ULIMITS, '--file', file, '--tag', tag, '.'], { cwd: context });
    },
    /** Runs an image as docker-compose.yml does. */
    run(image, command, { name, detached = false, env = {} }) {
      const locked = [
        '--read-only',
        '--tmpfs',
        '/tmp',
        '--cap-drop',
        'all',
        '--security-opt',
        'no-new-privileges',
      ];
      const variables = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
      const how = detached ? ['--detach', '--name', name] : ['--rm'];
      const rest = ['--network', 'host', '--volume', 'stylograph-data:/data', ...ULIMITS];
      return podman(['run', ...how, ...locked, ...variables, ...rest, image, ...command]);
    },
    exec: (name, command) => podman(['exec', name, ...command]),
    /** The image's own health check, once. */
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
      // Layers are files of other users, and some may not be writable.
      spawnSync('rm', ['-rf', folder]);
    },
  };
}
