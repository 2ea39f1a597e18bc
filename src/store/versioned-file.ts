import { link, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, readIfExists, syncFolder, systemCode, temporaryPath, writeSynced } from './disk.ts';
import { conflict, type Versioned } from './folder-store.ts';

/** Suffix of the folder with the versions of a file. */
export const VERSIONS = '.versions';
/** Versions that are kept: a reader may be about to read the one before the newest. */
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

/** The newest version of a file; a file at `path` itself is version 0. */
export async function readNewest(path: string): Promise<Versioned | undefined> {
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
    const newest = (await versionsIn(`${path}${VERSIONS}`)).at(-1);
    const bytes = await readIfExists(
      newest === undefined ? path : join(`${path}${VERSIONS}`, nameOf(newest)),
    );
    if (bytes !== undefined) return { bytes, version: String(newest ?? 0) };
    if (newest === undefined) return undefined;
    // Two newer versions were written between the two reads.
  }
  throw conflict(path);
}

/**
 * Adds the version after the one that was seen. Creating the link is exclusive: of several processes, on any machine, one
 * succeeds, and a killed process leaves no lock behind.
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
  const versions = await versionsIn(folder);
  if (versions.at(-1) !== version) {
    // The version that was seen had been replaced long before, and its successor removed.
    await rm(own, { force: true });
    throw conflict(path);
  }
  await syncFolder(folder);
  for (const old of versions.slice(0, -KEPT)) await rm(join(folder, nameOf(old)), { force: true });
  await rm(path, { force: true });
}
