import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StylographError } from '../../core/errors.ts';
import { drawKey, type KeyRecord, KeysFile, type KeyWish, keyState } from './record.ts';

const OWNER_ONLY = 0o600;
/** A lock this old belongs to a process that died. */
const STALE_LOCK_MS = 10_000;
const LOCK_RETRY_MS = 50;

/** @throws keys_file_invalid naming what is wrong with it; a file that is not there holds no keys */
export function readKeysFile(path: string): KeyRecord[] {
  if (!existsSync(path)) return [];
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw invalid(path, (cause as Error).message, cause);
  }
  const parsed = KeysFile.safeParse(content);
  if (parsed.success) return parsed.data.keys;
  const issues = parsed.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`);
  throw invalid(path, issues.join('; '), parsed.error);
}

function invalid(path: string, what: string, cause: unknown): StylographError {
  const remedy = 'Repair it or restore a copy; "stylograph keys" writes it.';
  return new StylographError('keys_file_invalid', `${path} is not a file of keys (${what}). ${remedy}`, {
    cause,
  });
}

/** Whether somebody could get in with a key of this file. @throws keys_file_invalid */
export const hasActiveKey = (path: string): boolean =>
  readKeysFile(path).some((record) => keyState(record) === 'active');

/** Draws a key and keeps its record. The key is told this once. @throws keys_file_invalid */
export async function createKey(path: string, wish: KeyWish): Promise<{ key: string; record: KeyRecord }> {
  return await withLock(path, async () => {
    const records = readKeysFile(path);
    let drawn = drawKey(wish);
    while (records.some(({ id }) => id === drawn.record.id)) drawn = drawKey(wish);
    await replaceKeysFile(path, [...records, drawn.record]);
    return drawn;
  });
}

/** Ends a key for good; its record stays, for the audit log names it. @throws key_not_found, keys_file_invalid */
export async function revokeKey(path: string, id: string): Promise<KeyRecord> {
  return await withLock(path, async () => {
    const records = readKeysFile(path);
    const found = records.find((record) => record.id === id);
    if (found === undefined) {
      const detail = `${path} has no key "${id}"; "stylograph keys list" shows those it has.`;
      throw new StylographError('key_not_found', detail);
    }
    const revoked = { ...found, revokedAt: found.revokedAt ?? new Date().toISOString() };
    await replaceKeysFile(
      path,
      records.map((record) => (record.id === id ? revoked : record)),
    );
    return revoked;
  });
}

/** Readers see the old file or the new one, never a part; only the owner can read it. */
async function replaceKeysFile(path: string, keys: KeyRecord[]): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', OWNER_ONLY);
    try {
      await file.writeFile(`${JSON.stringify({ version: 1, keys } satisfies KeysFileContent, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

type KeysFileContent = { version: 1; keys: KeyRecord[] };

/** One writer at a time, so that no key of two that are made at once is lost. */
async function withLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const lock = `${path}.lock`;
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const since = await stat(lock).catch(() => undefined);
      if (since && Date.now() - since.mtimeMs > STALE_LOCK_MS)
        await rm(lock, { recursive: true, force: true });
      else await sleep(LOCK_RETRY_MS);
    }
  }
  try {
    return await action();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}
