import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StylographError } from '../../core/errors.ts';
import { plainMessage } from '../../core/validation-messages.ts';
import { drawKey, type KeyRecord, type KeyRequest, KeysFile, keyState } from './record.ts';

const OWNER_ONLY = 0o600;
/** An older lock belongs to a process that has died. */
const STALE_LOCK_MS = 10_000;
const LOCK_RETRY_MS = 50;

/** Reads the keys of a file; a missing file has none. @throws keys_file_invalid with the mistakes */
export function readKeysFile(path: string): KeyRecord[] {
  if (!existsSync(path)) return [];
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw invalid(path, (cause as Error).message, cause);
  }
  const parsed = KeysFile.safeParse(content, { error: plainMessage });
  if (parsed.success) return parsed.data.keys;
  const issues = parsed.error.issues.map(({ path: at, message }) => `${at.join('.')} ${message}`.trim());
  throw invalid(path, issues.join('; '), parsed.error);
}

function invalid(path: string, mistakes: string, cause: unknown): StylographError {
  const remedy = 'Repair it, restore a copy, or remove it and create keys with "stylograph keys create".';
  return new StylographError(
    'keys_file_invalid',
    `${path} is not a valid file of keys (${mistakes}). ${remedy}`,
    {
      cause,
    },
  );
}

/** Whether a file contains a valid key. @throws keys_file_invalid */
export const hasActiveKey = (path: string): boolean =>
  readKeysFile(path).some((record) => keyState(record) === 'active');

/** Creates a key and stores its record, which does not contain the key. @throws keys_file_invalid */
export async function createKey(
  path: string,
  request: KeyRequest,
): Promise<{ key: string; record: KeyRecord }> {
  return await withLock(path, async () => {
    const records = readKeysFile(path);
    let drawn = drawKey(request);
    while (records.some(({ id }) => id === drawn.record.id)) drawn = drawKey(request);
    await replaceKeysFile(path, [...records, drawn.record]);
    return drawn;
  });
}

/** Revokes a key. Its record stays because the audit log refers to it. @throws key_not_found, keys_file_invalid */
export async function revokeKey(path: string, id: string): Promise<KeyRecord> {
  return await withLock(path, async () => {
    const records = readKeysFile(path);
    const found = records.find((record) => record.id === id);
    if (found === undefined) {
      const detail = `${path} has no key "${id}"; "stylograph keys list" shows its keys.`;
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

/** Replaces the file atomically; only the owner can read it. */
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

/** Runs one writer at a time, so that concurrent changes are not lost. */
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
