import { posix } from 'node:path';
import { ulid } from 'ulid';
import {
  buildManifest,
  checkedBytes,
  conflict,
  DAMAGED,
  damaged,
  entryOf,
  MANIFEST,
  type Manifest,
  missing,
  parseManifest,
  sizesOf,
} from '../manifest.ts';
import { resolveInside } from '../paths.ts';
import type { FolderStore, Versioned, WriteOptions } from '../store.ts';
import { Bucket, type Fetched, isMissing, isRefused, type Patience } from './bucket.ts';
import { parseS3Location } from './location.ts';

/** Where files of folders are, each write's apart; only what a manifest names can be seen. */
const PARTS = '.parts';
/** Half-written parts younger than this may belong to somebody who is writing now. */
const ABANDONED_AFTER_MS = 3_600_000;
/** A look at the bucket takes tens of milliseconds and is paid for. */
const FRESH_MS = 1_000;
const READ_ATTEMPTS = 5;

/** Keys are checked as paths of a local store are, so that both accept the same names. */
const keyOf = (path: string): string => resolveInside('', path);

/**
 * A store in an S3-compatible bucket. A folder's files are uploaded under a name of this write's own; the manifest, put
 * last in one request, makes them visible together. Replaced parts go afterwards.
 */
class S3Folders implements FolderStore {
  readonly freshMs = FRESH_MS;
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async write(path: string, files: Record<string, Uint8Array>, options: WriteOptions = {}): Promise<void> {
    const folder = keyOf(path);
    const parts = `${PARTS}/${folder}/${ulid()}`;
    const keys = Object.keys(files).map((name) => `${parts}/${keyOf(name)}`);
    const manifest = `${folder}/${MANIFEST}`;
    let before: Fetched | undefined;
    try {
      await Promise.all(Object.values(files).map((bytes, i) => this.#bucket.put(keys[i]!, bytes)));
      before = await this.#bucket.get(manifest);
      await options.beforeCommit?.();
    } catch (error) {
      await this.#bucket.delete(keys).catch(() => undefined);
      throw error;
    }
    await this.#commit(manifest, buildManifest(files, parts), keys);
    // What another writer is uploading at the same time is not touched.
    if (before)
      await this.#removeParts(folder, (key) => Buffer.from(before.bytes).includes(posix.dirname(key)));
  }

  /** Puts the manifest that makes parts visible. A request that fails may have been carried out all the same. */
  async #commit(manifest: string, bytes: Uint8Array, keys: readonly string[]): Promise<void> {
    try {
      await this.#bucket.put(manifest, bytes);
    } catch (error) {
      // Unless it is known that nobody can see them the parts stay, until `tidy` or the folder's removal.
      const now = await this.#bucket.get(manifest).catch(() => {
        throw error;
      });
      if (now !== undefined && Buffer.from(now.bytes).equals(bytes)) return;
      await this.#bucket.delete(keys).catch(() => undefined);
      throw error;
    }
  }

  async #removeParts(folder: string, isOld: (key: string) => boolean): Promise<void> {
    const keys: string[] = [];
    for await (const { key } of this.#bucket.all(`${PARTS}/${folder}/`)) if (isOld(key)) keys.push(key);
    await this.#bucket.delete(keys);
  }

  async #manifest(path: string): Promise<Manifest> {
    const found = await this.#bucket.get(`${keyOf(path)}/${MANIFEST}`);
    if (found === undefined) throw missing(path, 'STORE_URL');
    return parseManifest(path, found.bytes);
  }

  async read(path: string, file: string): Promise<Uint8Array> {
    keyOf(file);
    let manifest = await this.#manifest(path);
    for (let attempt = 1; ; attempt++) {
      const entry = entryOf(manifest, path, file);
      const found = await this.#bucket.get(`${manifest.parts}/${file}`);
      if (found !== undefined) return checkedBytes(entry, path, file, found.bytes);
      // It may have been replaced between the two requests.
      const now = await this.#manifest(path);
      if (now.parts === manifest.parts || attempt === READ_ATTEMPTS)
        throw damaged(path, file, 'it is missing');
      manifest = now;
    }
  }

  async sizes(path: string): Promise<Record<string, number>> {
    return sizesOf(await this.#manifest(path));
  }

  async exists(path: string): Promise<boolean> {
    const key = keyOf(path);
    return (await this.#bucket.has(`${key}/${MANIFEST}`)) || (await this.#bucket.has(key));
  }

  async list(prefix: string): Promise<string[]> {
    const { files, folders } = await this.#bucket.list(`${keyOf(prefix)}/`);
    if (files.includes(MANIFEST)) return Object.keys((await this.#manifest(prefix)).files).sort();
    return [...files, ...folders].filter((name) => !name.endsWith(DAMAGED)).sort();
  }

  async remove(path: string): Promise<void> {
    const key = keyOf(path);
    const keys = [key];
    for await (const { key: each } of this.#bucket.all(`${key}/`)) keys.push(each);
    // Manifests first, so that nobody sees a folder without its files.
    await this.#bucket.delete(keys);
    await this.#removeParts(key, () => true);
  }

  async setAside(path: string): Promise<void> {
    const key = keyOf(path);
    const found = await this.#bucket.get(`${key}/${MANIFEST}`);
    if (found === undefined) return;
    await this.#bucket.put(`${key}${DAMAGED}/${MANIFEST}`, found.bytes);
    await this.#bucket.delete([`${key}/${MANIFEST}`]);
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    await this.#bucket.put(keyOf(path), bytes);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return (await this.#bucket.get(keyOf(path)))?.bytes;
  }

  async readVersioned(path: string): Promise<Versioned | undefined> {
    const found = await this.#bucket.get(keyOf(path));
    return found && { bytes: found.bytes, version: found.etag };
  }

  async swapFile(path: string, bytes: Uint8Array, seen: Versioned | undefined): Promise<void> {
    const key = keyOf(path);
    try {
      await this.#bucket.put(
        key,
        bytes,
        seen === undefined ? { IfNoneMatch: '*' } : { IfMatch: seen.version },
      );
    } catch (error) {
      if (!isRefused(error) && !isMissing(error)) throw error;
      // A request that was repeated because its answer was lost is refused for what it has itself written.
      const now = await this.#bucket.get(key);
      if (now === undefined || !Buffer.from(now.bytes).equals(bytes)) throw conflict(path);
    }
  }

  async tidy(prefix: string): Promise<void> {
    const groups = new Map<string, { newest: number; keys: string[] }>();
    for await (const { key, modifiedAt } of this.#bucket.all(`${PARTS}/${keyOf(prefix)}/`)) {
      const parts = key.slice(0, key.lastIndexOf('/'));
      const group = groups.get(parts) ?? { newest: 0, keys: [] };
      group.newest = Math.max(group.newest, modifiedAt);
      group.keys.push(key);
      groups.set(parts, group);
    }
    for (const [parts, { newest, keys }] of groups) {
      if (Date.now() - newest < ABANDONED_AFTER_MS) continue;
      if (!(await this.#isNamed(parts))) await this.#bucket.delete(keys);
    }
  }

  async #isNamed(parts: string): Promise<boolean> {
    const folder = parts.slice(PARTS.length + 1, parts.lastIndexOf('/'));
    for (const key of [folder, `${folder}${DAMAGED}`]) {
      const manifest = await this.#bucket.get(`${key}/${MANIFEST}`);
      if (manifest && Buffer.from(manifest.bytes).includes(parts)) return true;
    }
    return false;
  }
}

/** Opens a store in a bucket, which must be there. @throws validation_failed, store_unavailable */
export async function openS3Store(location: string, patience: Patience): Promise<FolderStore> {
  const parsed = parseS3Location(location);
  // Its notice about a later end of support for Node 20 would be taken for a complaint of the process.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const bucket = new Bucket(await import('@aws-sdk/client-s3'), parsed, patience);
  await bucket.check();
  return new S3Folders(bucket);
}
