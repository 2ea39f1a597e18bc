export interface WriteOptions {
  /** Called when everything is stored, just before it becomes visible; throwing leaves no trace. */
  beforeCommit?: () => Promise<void>;
}

/** A file together with the version that `swapFile` must still find to replace it. */
export interface Versioned {
  bytes: Uint8Array;
  version: string;
}

/**
 * Named folders of files, written whole or not at all and checked when read; and loose files beside them. A local folder
 * (folders.ts) or a bucket (s3/store.ts). Any call may throw store_unavailable where the store is on another machine.
 */
export interface FolderStore {
  /** How long what was read may be taken for what is there, in milliseconds: reading a remote store costs time and money. */
  readonly freshMs: number;
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
  /** A file that `swapFile` wrote; undefined when there is none. One that `writeFile` wrote is its first version. */
  readVersioned(path: string): Promise<Versioned | undefined>;
  /**
   * Replaces a file only if it still is as it was read: of several that try at once, one succeeds. `undefined` stands
   * for a file that does not exist.
   *
   * @throws store_conflict when somebody else was faster, disk_full, validation_failed
   */
  swapFile(path: string, bytes: Uint8Array, seen: Versioned | undefined): Promise<void>;
  /** Removes what processes that were killed while writing left behind below `prefix`, and no living one needs. */
  tidy(prefix: string): Promise<void>;
}
