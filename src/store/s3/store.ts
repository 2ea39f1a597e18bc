import { posix } from 'node:path';
import { ulid } from 'ulid';
import {
  conflict,
  type FolderStore,
  resolveInside,
  type Versioned,
  type WriteOptions,
} from '../folder-store.ts';
import { DAMAGED, damaged, MANIFEST, Manifest, missing } from '../manifest.ts';
import { Bucket, type Fetched, isMissing, isRefused, type Patience } from './bucket.ts';
import { parseS3Location } from './location.ts';

/** Prefix of the files of folders, separate for each write. Only files that a manifest names are visible. */
const PARTS = '.parts';
/** Younger unfinished parts may belong to a process that is writing now. */
const ABANDONED_AFTER_MS = 3_600_000;
/** A request to the bucket takes tens of milliseconds and costs money. */
const FRESH_MS = 1_000;
const READ_ATTEMPTS = 5;

/** Checks keys like paths of a local store, so that both accept the same names. */
const keyOf = (path: string): string => resolveInside('', path);

/**
 * A store in an S3-compatible bucket. Each write uploads a folder's files under a unique prefix. The manifest is put last,
 * in one request, and makes all files visible. Replaced parts are deleted afterwards.
 */
class S3Store implements FolderStore {
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
    await this.#commit(manifest, Manifest.encode(files, parts), keys);
    // Parts that another process is uploading now are not deleted.
    if (before)
      await this.#removeParts(folder, (key) => Buffer.from(before.bytes).includes(posix.dirname(key)));
  }

  /** Puts the manifest that makes parts visible. A request that failed may have been executed. */
  async #commit(manifest: string, bytes: Uint8Array, keys: readonly string[]): Promise<void> {
    try {
      await this.#bucket.put(manifest, bytes);
    } catch (error) {
      // Unless the parts are known to be invisible they stay, until `tidy` or the removal of the folder.
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
    return Manifest.parse(path, found.bytes);
  }

  async read(path: string, file: string): Promise<Uint8Array> {
    keyOf(file);
    let manifest = await this.#manifest(path);
    for (let attempt = 1; ; attempt++) {
      manifest.requireListed(file);
      const found = await this.#bucket.get(`${manifest.parts}/${file}`);
      if (found !== undefined) return manifest.check(file, found.bytes);
      // The folder may have been replaced between the two requests.
      const now = await this.#manifest(path);
      if (now.parts === manifest.parts || attempt === READ_ATTEMPTS)
        throw damaged(path, file, 'it is missing');
      manifest = now;
    }
  }

  async sizes(path: string): Promise<Record<string, number>> {
    return (await this.#manifest(path)).sizes;
  }

  async exists(path: string): Promise<boolean> {
    const key = keyOf(path);
    return (await this.#bucket.has(`${key}/${MANIFEST}`)) || (await this.#bucket.has(key));
  }

  async list(prefix: string): Promise<string[]> {
    const { files, folders } = await this.#bucket.list(`${keyOf(prefix)}/`);
    if (files.includes(MANIFEST)) return (await this.#manifest(prefix)).names.sort();
    return [...files, ...folders].filter((name) => !name.endsWith(DAMAGED)).sort();
  }

  async remove(path: string): Promise<void> {
    const key = keyOf(path);
    const keys = [key];
    for await (const { key: each } of this.#bucket.all(`${key}/`)) keys.push(each);
    // Manifests go first, so that nobody sees a folder without its files.
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
      // A request that was repeated after a lost response conflicts with its own first execution.
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

/** Opens a store in an existing bucket. @throws validation_failed, store_unavailable */
export async function openS3Store(location: string, patience: Patience): Promise<FolderStore> {
  const parsed = parseS3Location(location);
  // Otherwise the SDK prints a notice about the end of its support for Node 20.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const bucket = new Bucket(await import('@aws-sdk/client-s3'), parsed, patience);
  await bucket.check();
  return new S3Store(bucket);
}
