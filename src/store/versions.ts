import { link, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, readIfThere, syncFolder, systemCode, temporaryPath, writeSynced } from './files.ts';
import { conflict } from './manifest.ts';
import type { Versioned } from './store.ts';

/** Ending of the folder that holds the versions of a file. */
export const VERSIONS = '.versions';
/** A reader may be about to read the version before the newest. */
const KEPT = 2;
const READ_ATTEMPTS = 20;

const nameOf = (version: number): string => String(version).padStart(12, '0');

async function versionsIn(folder: string): Promise<number[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The newest version of a file; what stands at `path` itself counts as version 0. */
export async function readNewest(path: string): Promise<Versioned | undefined> {
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
    const newest = (await versionsIn(`${path}${VERSIONS}`)).at(-1);
    const bytes = await readIfThere(newest === undefined ? path : join(`${path}${VERSIONS}`, nameOf(newest)));
    if (bytes !== undefined) return { bytes, version: String(newest ?? 0) };
    if (newest === undefined) return undefined;
    // Versions have moved on twice between the two reads.
  }
  throw conflict(path);
}

/**
 * Adds the version after the one that was seen. The link is exclusive: of several that try, the system lets one through,
 * whichever process or machine they are of, and no lock is left behind by one that is killed.
 *
 * @throws store_conflict
 */
export async function addVersion(
  root: string,
  path: string,
  bytes: Uint8Array,
  seen: Versioned | undefined,
): Promise<void> {
  const folder = `${path}${VERSIONS}`;
  if (seen === undefined && (await readNewest(path)) !== undefined) throw conflict(path);
  const version = Number(seen?.version ?? 0) + 1;
  const own = join(folder, nameOf(version));
  const temporary = await temporaryPath(root, path);
  try {
    await writeSynced(temporary, bytes);
    await makeFolder(folder);
    await link(temporary, own);
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? conflict(path) : error;
  } finally {
    await rm(temporary, { force: true });
  }
  const there = await versionsIn(folder);
  if (there.at(-1) !== version) {
    // It had been replaced, and its successor let go, long before: what was seen is an old version.
    await rm(own, { force: true });
    throw conflict(path);
  }
  await syncFolder(folder);
  for (const old of there.slice(0, -KEPT)) await rm(join(folder, nameOf(old)), { force: true });
  await rm(path, { force: true });
}
