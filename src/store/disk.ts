import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { StylographError } from '../core/errors.ts';

/** Folder of unfinished files. It is in the store's file system, so that a rename moves them into place. */
const TEMPORARY = '.tmp';
const ABANDONED_AFTER_MS = 3_600_000;

/** The operating system's error code, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/**
 * Runs an action that writes; if the disk is full, the error names the remedy.
 * @throws disk_full
 */
export async function explainFullDisk<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')) throw error;
    throw new StylographError(
      'disk_full',
      `The disk is full: ${what} could not be written. Free some space in the data folder (DATA_DIR), then resume.`,
      { cause: error },
    );
  }
}

/** Space left for other writers. The private Redis, for one, stops when the disk is full. */
const RESERVE_BYTES = 64 * 1024 * 1024;
const RESERVE_SHARE = 0.05;

/**
 * Checks that the disk has space besides the reserve.
 * @throws an error with the system's code for a full disk, see {@link explainFullDisk}
 */
export async function requireSpace(root: string, bytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(root);
  // Some mounted file systems report no size.
  if (blocks === 0) return;
  const reserve = Math.min(RESERVE_BYTES, RESERVE_SHARE * blocks * bsize);
  if (bavail * bsize - bytes >= reserve) return;
  const left = Math.floor((bavail * bsize) / 1e6);
  throw Object.assign(new Error(`only ${left} MB are left`), { code: 'ENOSPC' });
}

/** Writes a file durably. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the entries of a folder durable after files were created, renamed or removed. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Creates a folder and its parents durably. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  const last = dirname(resolve(first));
  for (let folder = dirname(resolve(path)); folder.startsWith(last); folder = dirname(folder)) {
    await syncFolder(folder);
    if (folder === last) return;
  }
}

/** A new path in the folder of unfinished files. */
export async function temporaryPath(root: string, hint: string): Promise<string> {
  const folder = join(root, TEMPORARY);
  await mkdir(folder, { recursive: true });
  return join(folder, `${basename(hint)}-${randomUUID()}`);
}

/** Renames `from` to `to` durably and replaces a folder at `to`. */
export async function moveIntoPlace(root: string, from: string, to: string): Promise<void> {
  await makeFolder(dirname(to));
  let replaced: string | undefined;
  try {
    await rename(from, to);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
    replaced = await temporaryPath(root, to);
    await rename(to, replaced);
    await rename(from, to);
  }
  await syncFolder(dirname(to));
  if (replaced !== undefined) await rm(replaced, { recursive: true, force: true });
}

/** Replaces a file atomically. */
export async function replaceFile(root: string, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = await temporaryPath(root, path);
  try {
    await writeSynced(temporary, bytes);
    await moveIntoPlace(root, temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Undefined if the file does not exist. */
export async function readIfExists(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** Removes unfinished files of killed processes. Recent ones may belong to a process that is writing now. */
export async function removeAbandoned(root: string): Promise<void> {
  const folder = join(root, TEMPORARY);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && Date.now() - info.mtimeMs > ABANDONED_AFTER_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
