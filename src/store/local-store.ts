import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  explainFullDisk,
  moveIntoPlace,
  readIfExists,
  removeAbandoned,
  replaceFile,
  requireSpace,
  syncFolder,
  systemCode,
  temporaryPath,
  writeSynced,
} from './disk.ts';
import { type FolderStore, resolveInside, type Versioned, type WriteOptions } from './folder-store.ts';
import { DAMAGED, damaged, MANIFEST, Manifest, missing } from './manifest.ts';
import { addVersion, readNewest, VERSIONS } from './versioned-file.ts';

/** Reading a disk is cheap, but many requests may share a result. */
const FRESH_MS = 10;

const total = (files: Record<string, Uint8Array>): number =>
  Object.values(files).reduce((sum, { length }) => sum + length, 0);

/** A store in a local folder, or in one that several machines mount. */
class LocalStore implements FolderStore {
  readonly freshMs = FRESH_MS;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async write(path: string, files: Record<string, Uint8Array>, options: WriteOptions = {}): Promise<void> {
    const target = resolveInside(this.#root, path);
    await explainFullDisk(path, async () => {
      await requireSpace(this.#root, total(files));
      const temporary = await temporaryPath(this.#root, target);
      try {
        await mkdir(temporary);
        for (const [name, bytes] of Object.entries(files)) {
          await writeSynced(resolveInside(temporary, name), bytes);
        }
        await writeSynced(join(temporary, MANIFEST), Manifest.encode(files));
        await syncFolder(temporary);
        await options.beforeCommit?.();
        await moveIntoPlace(this.#root, temporary, target);
      } catch (error) {
        await rm(temporary, { recursive: true, force: true });
        throw error;
      }
    });
  }

  async #manifest(path: string): Promise<Manifest> {
    const bytes = await readIfExists(join(resolveInside(this.#root, path), MANIFEST));
    if (bytes !== undefined) return Manifest.parse(path, bytes);
    if (await this.exists(path)) throw damaged(path, MANIFEST, 'it is missing');
    throw missing(path, 'DATA_DIR');
  }

  async read(path: string, file: string): Promise<Uint8Array> {
    const folder = resolveInside(this.#root, path);
    const manifest = await this.#manifest(path);
    manifest.requireListed(file);
    return manifest.check(file, await readIfExists(resolveInside(folder, file)));
  }

  async sizes(path: string): Promise<Record<string, number>> {
    return (await this.#manifest(path)).sizes;
  }

  async exists(path: string): Promise<boolean> {
    try {
      await access(resolveInside(this.#root, path));
      return true;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false;
      throw error;
    }
  }

  async list(prefix: string): Promise<string[]> {
    try {
      const names = await readdir(resolveInside(this.#root, prefix));
      const shown = names
        .filter((name) => name !== MANIFEST && !name.endsWith(DAMAGED))
        .map((name) => (name.endsWith(VERSIONS) ? name.slice(0, -VERSIONS.length) : name));
      return [...new Set(shown)].sort();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    const target = resolveInside(this.#root, path);
    // Renamed first, so that nobody sees a part of it.
    const removed = await temporaryPath(this.#root, target);
    try {
      await rename(target, removed);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    }
    await rm(removed, { recursive: true, force: true });
  }

  async setAside(path: string): Promise<void> {
    const target = resolveInside(this.#root, path);
    await rm(`${target}${DAMAGED}`, { recursive: true, force: true });
    await rename(target, `${target}${DAMAGED}`);
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const target = resolveInside(this.#root, path);
    await explainFullDisk(path, async () => {
      await requireSpace(this.#root, bytes.length);
      await replaceFile(this.#root, target, bytes);
    });
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return await readIfExists(resolveInside(this.#root, path));
  }

  async readVersioned(path: string): Promise<Versioned | undefined> {
    return await readNewest(resolveInside(this.#root, path));
  }

  async swapFile(path: string, bytes: Uint8Array, seen: Versioned | undefined): Promise<void> {
    const target = resolveInside(this.#root, path);
    await explainFullDisk(path, async () => {
      await requireSpace(this.#root, bytes.length);
      await addVersion(this.#root, target, bytes, seen);
    });
  }

  async tidy(): Promise<void> {
    await removeAbandoned(this.#root);
  }
}

/** Opens a store in a local folder, which is created if it does not exist. */
export async function openFolderStore(root: string): Promise<FolderStore> {
  await mkdir(root, { recursive: true });
  await removeAbandoned(root);
  return new LocalStore(root);
}
