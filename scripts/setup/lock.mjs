import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './problem.mjs';

function holderLives(lock) {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch (error) {
    // EPERM: it is alive and belongs to another user. ENOENT: it has just finished.
    return error.code === 'EPERM' || error.code === 'ENOENT';
  }
}

/** Removes the lock of a dead process. Only one of several processes can move it; the lock of a live process is restored. */
function bury(lock) {
  const grave = `${lock}.${process.pid}.dead`;
  try {
    renameSync(lock, grave);
    if (holderLives(grave)) linkSync(grave, lock);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  }
  rmSync(grave, { recursive: true, force: true });
}

/** Runs `action` under a lock between processes. The lock of a dead process is taken over. */
export async function withLock(lock, action) {
  // A link appears together with its content, so a lock always names its holder.
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (let waited = 0; ; waited++) {
      try {
        linkSync(mine, lock);
        break;
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
        if (!holderLives(lock)) bury(lock);
        else {
          if (waited === 1) say('waiting for another set-up ...');
          await sleep(waited === 0 ? 50 : 1000);
        }
      }
    }
    try {
      return await action();
    } finally {
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}
