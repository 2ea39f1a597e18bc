import { join } from 'node:path';
import { StylographError } from '../core/errors.ts';

export interface WriteOptions {
  /** Called when all files are written, before they become visible. If it throws, nothing is left behind. */
  beforeCommit?: () => Promise<void>;
}

/** A file with the version that `swapFile` compares. */
export interface Versioned {
  bytes: Uint8Array;
  version: string;
}

/**
 * Folders of files that are written atomically and checked when read, and single files beside them. Implemented by a local
 * folder (local-store.ts) and a bucket (s3/store.ts). On another machine every call may throw store_unavailable.
 */
export interface FolderStore {
  /** Milliseconds for which a result may be reused: reading a remote store costs time and money. */
  readonly freshMs: number;
  /** Writes a folder atomically; replaces one of the same name. @throws disk_full, validation_failed */
  write(path: string, files: Record<string, Uint8Array>, options?: WriteOptions): Promise<void>;
  /** @throws checkpoint_missing; checkpoint_corrupt naming the file if its digest does not match */
  read(path: string, file: string): Promise<Uint8Array>;
  /** Bytes of each file of a folder, from its manifest. @throws checkpoint_missing, checkpoint_corrupt */
  sizes(path: string): Promise<Record<string, number>>;
  exists(path: string): Promise<boolean>;
  /** Names directly under `prefix`, sorted, without folders that were set aside. */
  list(prefix: string): Promise<string[]>;
  remove(path: string): Promise<void>;
  /** Renames a damaged folder to `….damaged`, so that somebody can examine it. */
  setAside(path: string): Promise<void>;
  /** Writes a single file atomically. @throws disk_full, validation_failed */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Undefined if the file does not exist. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Undefined if the file does not exist. A file from `writeFile` counts as a first version. */
  readVersioned(path: string): Promise<Versioned | undefined>;
  /**
   * Replaces a file only if it is still the version that was seen (compare-and-swap). Of concurrent calls one succeeds.
   *
   * @param seen undefined if the file did not exist
   * @throws store_conflict, disk_full, validation_failed
   */
  swapFile(path: string, bytes: Uint8Array, seen: Versioned | undefined): Promise<void>;
  /** Removes unfinished files below `prefix` that killed processes left behind. */
  tidy(prefix: string): Promise<void>;
}

/** Each part starts with a letter or digit: no `.`, `..`, hidden names or absolute paths. */
const PART = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$/;

/**
 * Joins a store path such as `runs/run_…/checkpoints` to a root.
 * @throws validation_failed if the path could leave the root
 */
export function resolveInside(root: string, path: string): string {
  if (!path.split('/').every((part) => PART.test(part))) {
    throw new StylographError(
      'validation_failed',
      `"${path}" is not a name that the store accepts. Use only letters, digits, ".", "_", "@" and "-".`,
    );
  }
  return join(root, path);
}

/** The error of `swapFile` if the file has another version. */
export function conflict(path: string): StylographError {
  return new StylographError(
    'store_conflict',
    `Another process changed ${path} at the same time. Try again.`,
  );
}
