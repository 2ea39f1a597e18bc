import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { DatasetInfo } from '../core/contracts/dataset.ts';

/** Raised when the split or the digest is computed differently, so that no stale cache is believed. */
const CACHE_VERSION = 2;

const CacheFile = z.object({ key: z.string(), info: DatasetInfo });

const memory = new Map<string, { key: string; info: DatasetInfo }>();

/** Changes whenever a file was replaced, grew, shrank or was touched. */
export async function cacheKey(files: readonly string[]): Promise<string> {
  const stats = await Promise.all(files.map((file) => stat(file)));
  return JSON.stringify([
    CACHE_VERSION,
    ...stats.map(({ size, mtimeMs }, index) => [files[index], size, mtimeMs]),
  ]);
}

/** What is known of the dataset under this key: from memory, else from DATA_DIR; undefined when it must be read. */
export async function recall(id: string, dataDir: string, key: string): Promise<DatasetInfo | undefined> {
  const path = cachePath(id, dataDir);
  const known = memory.get(path);
  if (known?.key === key) return known.info;
  try {
    const stored = CacheFile.parse(JSON.parse(await readFile(path, 'utf8')));
    if (stored.key !== key) return undefined;
    memory.set(path, stored);
    return stored.info;
  } catch {
    return undefined; // Absent or damaged: it is only a cache, and will be written anew.
  }
}

/** Keeps the info in memory and, where the folder can be written, in DATA_DIR for the next start. */
export async function remember(id: string, dataDir: string, key: string, info: DatasetInfo): Promise<void> {
  const path = cachePath(id, dataDir);
  memory.set(path, { key, info });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, JSON.stringify({ key, info }));
    await rename(temporary, path);
  } catch {
    // A read-only or full disk costs the next start some milliseconds, nothing more.
  }
}

const cachePath = (id: string, dataDir: string): string => join(dataDir, 'datasets', `${id}.info.json`);
