import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Cache that all clones share: unpacked engines and servers. `STYLOGRAPH_CACHE` moves it. */
export const CACHE =
  process.env.STYLOGRAPH_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'stylograph');

/** The first executable of these names on PATH. */
export function findOnPath(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (folder && existsSync(path)) return path;
    }
  }
  return undefined;
}

/** A short digest of file contents, to detect changes. */
export function digestOf(...paths) {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}
