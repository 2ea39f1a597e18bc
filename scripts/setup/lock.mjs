import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './problem.mjs';

function holderLives(lock) {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch (error) {
    // EPERM: it lives, as another user. ENOENT: it has just finished.
    return error.code === 'EPERM' || error.code === 'ENOENT';
  }
}

/** Takes a dead holder's lock away. Of several that find it dead only one moves it; a living one's is put back. */
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

/** Runs `action` while no other set-up does; a lock whose holder has died is taken over. */
export async function withLock(lock, action) {
  // A link appears with its content at once, so that no one ever sees a lock without its holder.
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
          if (waited === 1) say('another set-up is at work; waiting for it ...');
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
