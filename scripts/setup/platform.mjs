import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SetupProblem } from './problem.mjs';

const OLDEST_NODE = [20, 19];

export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new SetupProblem(
      `Node ${version} is too old.`,
      `Install Node ${OLDEST_NODE.join('.')} or newer (20, 22 and 24 are tested), for instance with: nvm install 22`,
    );
  }
}

/** The native libraries exist for Linux with glibc on x86-64. */
export function checkPlatform({ platform, arch } = process) {
  const glibc = process.report?.getReport?.().header.glibcVersionRuntime;
  if (platform !== 'linux' || arch !== 'x64' || !glibc) {
    throw new SetupProblem(
      `The native engine is not built for ${platform}/${arch}${platform === 'linux' && !glibc ? ' without glibc' : ''}.`,
      'Use Linux with glibc 2.28 or newer on x86-64: a virtual machine, WSL 2 or a Debian-based container.',
    );
  }
}

/**
 * Checked before everything else: a server that other machines can reach needs keys. The settings schema of src/platform
 * repeats this rule.
 */
export function checkExposure(env = process.env) {
  const host = env.HOST || '127.0.0.1';
  const loopback = host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
  // The server itself checks that the file contains a valid key.
  const keysFile = env.KEYS_FILE || join(env.DATA_DIR || './data', 'keys.json');
  if (!loopback && !env.API_KEYS?.trim() && !existsSync(keysFile) && env.ROLE !== 'worker') {
    throw new SetupProblem(
      `HOST=${host} lets other machines connect, but API_KEYS is not set and ${keysFile} does not exist.`,
      'Set API_KEYS to one or more secret keys (comma-separated, 16 characters or more), create one with "npx stylograph keys create", or leave HOST at 127.0.0.1.',
      2,
    );
  }
}
