import { StylographError } from '../core/errors.ts';
import { sha256 } from './digest.ts';

/** The file of a folder that lists the others. */
export const MANIFEST = 'manifest.json';
/** Ending of a folder that was set aside. */
export const DAMAGED = '.damaged';

interface Entry {
  sha256: string;
  bytes: number;
}

export interface Manifest {
  files: Record<string, Entry>;
  /** Where the files are, when not beside the manifest. */
  parts?: string;
}

export function damaged(path: string, file: string, what: string): StylographError {
  return new StylographError(
    'checkpoint_corrupt',
    `${path}/${file} is damaged: ${what}. Restore it from a copy, or remove ${path}.`,
  );
}

export function missing(path: string, place: string): StylographError {
  return new StylographError(
    'checkpoint_missing',
    `There is no ${path} in the store. It was removed, or ${place} points at another place.`,
  );
}

export function buildManifest(files: Record<string, Uint8Array>, parts?: string): Uint8Array {
  const entries = Object.entries(files).map(([name, bytes]): [string, Entry] => [
    name,
    { sha256: sha256(bytes), bytes: bytes.length },
  ]);
  const manifest: Manifest = { files: Object.fromEntries(entries), ...(parts !== undefined && { parts }) };
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

/** @throws checkpoint_corrupt */
export function parseManifest(path: string, bytes: Uint8Array): Manifest {
  try {
    const manifest = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Manifest> | null;
    if (typeof manifest?.files === 'object' && manifest.files !== null) return manifest as Manifest;
  } catch {
    // Told below, together with manifests of another shape.
  }
  throw damaged(path, MANIFEST, 'it is not a list of files');
}

/** The entry of a file. @throws checkpoint_corrupt when there is none */
export function entryOf(manifest: Manifest, path: string, file: string): Entry {
  const entry = Object.hasOwn(manifest.files, file) ? manifest.files[file] : undefined;
  if (entry === undefined) throw damaged(path, file, 'its manifest does not list it');
  return entry;
}

/** The bytes as they should be. @throws checkpoint_corrupt naming what is wrong with them */
export function checkedBytes(
  entry: Entry,
  path: string,
  file: string,
  bytes: Uint8Array | undefined,
): Uint8Array {
  if (bytes === undefined) throw damaged(path, file, 'it is missing');
  if (bytes.length !== entry.bytes) {
    throw damaged(path, file, `it has ${bytes.length} bytes in place of ${entry.bytes}`);
  }
  if (sha256(bytes) !== entry.sha256) throw damaged(path, file, 'its digest does not hold');
  return bytes;
}

export function sizesOf({ files }: Manifest): Record<string, number> {
  return Object.fromEntries(Object.entries(files).map(([name, { bytes }]) => [name, bytes]));
}

/** Somebody else replaced a file after it was read. */
export function conflict(path: string): StylographError {
  return new StylographError(
    'store_conflict',
    `${path} was changed by somebody else in this moment. Try again.`,
  );
}
