import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StylographError } from '../errors.ts';
import { sha256 } from './digest.ts';
import {
  moveIntoPlace,
  readIfThere,
  removeAbandoned,
  replaceFile,
  syncFolder,
  systemCode,
  temporaryPath,
  writeSynced,
  writing,
} from './files.ts';
import { resolveInside } from './paths.ts';

const MANIFEST = 'manifest.json';
const DAMAGED = '.damaged';

export interface WriteOptions {
  /** Called when everything is on the disk, just before it becomes visible; throwing leaves no trace. */
  beforeCommit?: () => Promise<void>;
}

/** Named folders of files, written whole or not at all and checked when read; and loose files beside them. */
export interface FolderStore {
  /** Atomic; replaces a folder of the same name. @throws disk_full, validation_failed */
  write(path: string, files: Record<string, Uint8Array>, options?: WriteOptions): Promise<void>;
  /** @throws checkpoint_missing, or checkpoint_corrupt naming the file, when its digest does not hold. */
  read(path: string, file: string): Promise<Uint8Array>;
  /** Bytes of each file of a folder, from its manifest. @throws checkpoint_missing, checkpoint_corrupt */
  sizes(path: string): Promise<Record<string, number>>;
  exists(path: string): Promise<boolean>;
  /** Names directly under `prefix`, sorted; without what was set aside. */
  list(prefix: string): Promise<string[]>;
  remove(path: string): Promise<void>;
  /** Renames a damaged folder to `….damaged`, out of the way but at hand. */
  setAside(path: string): Promise<void>;
  /** One loose file, replaced atomically. @throws disk_full, validation_failed */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Undefined when it does not exist. */
  readFile(path: string): Promise<Uint8Array | undefined>;
}

interface Manifest {
  files: Record<string, { sha256: string; bytes: number }>;
}

function damaged(path: string, file: string, what: string): StylographError {
  return new StylographError(
    'checkpoint_corrupt',
    `${path}/${file} is damaged: ${what}. Restore it from a copy, or remove ${path}.`,
  );
}

function buildManifest(files: Record<string, Uint8Array>): Uint8Array {
  const entries = Object.entries(files).map(([name, bytes]) => [
    name,
    { sha256: sha256(bytes), bytes: bytes.length },
  ]);
  return Buffer.from(`${JSON.stringify({ files: Object.fromEntries(entries) }, null, 2)}\n`);
}

class LocalFolders implements FolderStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async write(path: string, files: Record<string, Uint8Array>, options: WriteOptions = {}): Promise<void> {
    const target = resolveInside(this.#root, path);
    await writing(path, async () => {
      const temporary = await temporaryPath(this.#root, target);
      try {
        await mkdir(temporary);
        for (const [name, bytes] of Object.entries(files)) {
          await writeSynced(resolveInside(temporary, name), bytes);
        }
        await writeSynced(join(temporary, MANIFEST), buildManifest(files));
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
    const bytes = await readIfThere(join(resolveInside(this.#root, path), MANIFEST));
    if (bytes === undefined) {
      if (await this.exists(path)) throw damaged(path, MANIFEST, 'it is missing');
      throw new StylographError(
        'checkpoint_missing',
        `There is no ${path} in the store. It was removed, or DATA_DIR points at another folder.`,
      );
    }
    try {
      const manifest = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Manifest> | null;
      if (typeof manifest?.files === 'object' && manifest.files !== null) return manifest as Manifest;
    } catch {
      // Told below, together with manifests of another shape.
    }
    throw damaged(path, MANIFEST, 'it is not a list of files');
  }

  async read(path: string, file: string): Promise<Uint8Array> {
    const folder = resolveInside(this.#root, path);
    const entry = (await this.#manifest(path)).files[file];
    if (entry === undefined) throw damaged(path, file, 'its manifest does not list it');
    const bytes = await readIfThere(resolveInside(folder, file));
    if (bytes === undefined) throw damaged(path, file, 'it is missing');
    if (bytes.length !== entry.bytes) {
      throw damaged(path, file, `it has ${bytes.length} bytes in place of ${entry.bytes}`);
    }
    if (sha256(bytes) !== entry.sha256) throw damaged(path, file, 'its digest does not hold');
    return bytes;
  }

  async sizes(path: string): Promise<Record<string, number>> {
    const { files } = await this.#manifest(path);
    return Object.fromEntries(Object.entries(files).map(([name, { bytes }]) => [name, bytes]));
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
      return names.filter((name) => name !== MANIFEST && !name.endsWith(DAMAGED)).sort();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    const target = resolveInside(this.#root, path);
    // Renamed first, so that nobody ever sees a part of it.
    const doomed = await temporaryPath(this.#root, target);
    try {
      await rename(target, doomed);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    }
    await rm(doomed, { recursive: true, force: true });
  }

  async setAside(path: string): Promise<void> {
    const target = resolveInside(this.#root, path);
    await rm(`${target}${DAMAGED}`, { recursive: true, force: true });
    await rename(target, `${target}${DAMAGED}`);
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const target = resolveInside(this.#root, path);
    await writing(path, () => replaceFile(this.#root, target, bytes));
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return await readIfThere(resolveInside(this.#root, path));
  }
}

/** Opens a store in a local folder, creating it when needed. */
export async function openFolderStore(root: string): Promise<FolderStore> {
  await mkdir(root, { recursive: true });
  await removeAbandoned(root);
  return new LocalFolders(root);
}
