import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './problem.mjs';

function holderLives(lock) {
  try {
    process.kill(Number(readFileSync(`${lock}/pid`, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs `action` while no other set-up does; a lock whose holder has died is taken over. */
export async function withLock(lock, action) {
  for (let waited = 0; ; waited++) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      // A holder writes its pid right after it has made the folder.
      if (waited > 0 && !holderLives(lock)) rmSync(lock, { recursive: true, force: true });
      else {
        if (waited === 1) say('another set-up is at work; waiting for it ...');
        await sleep(1000);
      }
    }
  }
  writeFileSync(`${lock}/pid`, String(process.pid));
  try {
    return await action();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
