import { StylographError } from '../core/errors.ts';
import { sha256 } from './digest.ts';

/** The file of a folder that lists its other files. */
export const MANIFEST = 'manifest.json';
/** Suffix of a folder that was set aside. */
export const DAMAGED = '.damaged';

interface Entry {
  sha256: string;
  bytes: number;
}

interface ManifestFile {
  files: Record<string, Entry>;
  /** Where the files are, if not beside the manifest. */
  parts?: string;
}

/** The files of a folder with their sizes and digests. */
export class Manifest {
  readonly #path: string;
  readonly #content: ManifestFile;

  private constructor(path: string, content: ManifestFile) {
    this.#path = path;
    this.#content = content;
  }

  /** The bytes of a manifest for these files. */
  static encode(files: Record<string, Uint8Array>, parts?: string): Uint8Array {
    const entries = Object.entries(files).map(([name, bytes]): [string, Entry] => [
      name,
      { sha256: sha256(bytes), bytes: bytes.length },
    ]);
    const content: ManifestFile = {
      files: Object.fromEntries(entries),
      ...(parts !== undefined && { parts }),
    };
    return Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
  }

  /** @param path the folder's path, for errors. @throws checkpoint_corrupt */
  static parse(path: string, bytes: Uint8Array): Manifest {
    try {
      const content = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<ManifestFile> | null;
      if (typeof content?.files === 'object' && content.files !== null) {
        return new Manifest(path, content as ManifestFile);
      }
    } catch {
      // Not JSON: the same error as for JSON of another shape.
    }
    throw damaged(path, MANIFEST, 'it is not a list of files');
  }

  get parts(): string | undefined {
    return this.#content.parts;
  }

  get names(): string[] {
    return Object.keys(this.#content.files);
  }

  /** Bytes of each file. */
  get sizes(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.#content.files).map(([name, { bytes }]) => [name, bytes]));
  }

  /** @throws checkpoint_corrupt if the file is not listed */
  requireListed(file: string): void {
    this.#entryOf(file);
  }

  /** Returns the bytes if they match the entry of the file. @throws checkpoint_corrupt */
  check(file: string, bytes: Uint8Array | undefined): Uint8Array {
    const entry = this.#entryOf(file);
    if (bytes === undefined) throw damaged(this.#path, file, 'it is missing');
    if (bytes.length !== entry.bytes) {
      throw damaged(this.#path, file, `it has ${bytes.length} bytes, expected ${entry.bytes}`);
    }
    if (sha256(bytes) !== entry.sha256) throw damaged(this.#path, file, 'its digest does not match');
    return bytes;
  }

  #entryOf(file: string): Entry {
    const { files } = this.#content;
    const entry = Object.hasOwn(files, file) ? files[file] : undefined;
    if (entry === undefined) throw damaged(this.#path, file, 'its manifest does not list it');
    return entry;
  }
}

export function damaged(path: string, file: string, what: string): StylographError {
  return new StylographError(
    'checkpoint_corrupt',
    `${path}/${file} is damaged: ${what}. Restore it from a copy, or remove ${path}.`,
  );
}

/** @param setting the setting that names the store's location */
export function missing(path: string, setting: string): StylographError {
  return new StylographError(
    'checkpoint_missing',
    `There is no ${path} in the store. It was removed, or ${setting} names another location.`,
  );
}
