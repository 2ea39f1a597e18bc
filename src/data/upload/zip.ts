import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import type { DatasetLimits } from '../../core/contracts/dataset.ts';
import { errorCodeOf } from '../../core/errors.ts';
import { Refusals, refuse } from './refusals.ts';

/** One file of an archive. */
export interface ZipFile {
  /** Relative path with slashes; never absolute, never with `..`. */
  name: string;
  bytes: number;
  /** @throws an error whose message is a predicate for the name: "is damaged…" */
  read(): Promise<Uint8Array>;
}

export interface ZipArchive {
  /** Sorted by name. */
  files: ZipFile[];
  /** Folders with their own entry, without the final slash. */
  folders: string[];
  close(): void;
}

const LONGEST_NAME = 500;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED_FLAG = 0x1;
const UTF8_FLAG = 0x800;
const FILE_TYPE = 0o170000;
const SYMLINK = 0o120000;
const ARCHIVE = /\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar|jar|npz)$/i;
/** Files that operating systems add to archives. */
const SYSTEM_FILE = /(^|\/)(__MACOSX|\.[^/]*|Thumbs\.db|desktop\.ini)(\/|$)/i;

interface OpenOptions {
  /** The archive's name in messages. */
  name: string;
  limits: DatasetLimits;
  /** Whether an archive within the archive is accepted, because its reader limits what it unpacks to. */
  allowsNested?: (name: string) => boolean;
}

/**
 * Opens a zip file. Before anything is unpacked, the central directory is checked: names, links, encryption, compression
 * methods, number and size of files. Each file is checked against it when it is read.
 * @throws invalid_dataset
 */
export async function openZip(path: string, options: OpenOptions): Promise<ZipArchive> {
  const { name, limits } = options;
  const zip = await openDirectory(path, name);
  try {
    if (zip.entryCount > limits.images) {
      refuse(
        `${name} contains ${zip.entryCount} files; at most ${limits.images} are accepted (DATASET_IMAGES). Send fewer, or ask the operator to raise the limit.`,
      );
    }
    const entries = await readEntries(zip, name);
    return { ...checkEntries(zip, entries, options), close: () => zip.close() };
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** Reads a file. @throws invalid_dataset */
export async function readOrRefuse(file: ZipFile): Promise<Uint8Array> {
  return await file.read().catch((error: Error) => refuse(`${file.name} ${error.message}.`, error));
}

async function openDirectory(path: string, name: string): Promise<yauzl.ZipFile> {
  // Names stay bytes, so that one bad name does not hide the others.
  const options = { lazyEntries: true, autoClose: false, decodeStrings: false } as const;
  return await new Promise<yauzl.ZipFile>((resolve, reject) => {
    yauzl.open(path, options, (error, zip) => (error ? reject(error) : resolve(zip)));
  }).catch((error: Error) => refuseDamaged(name, error));
}

const refuseDamaged = (name: string, cause: Error): never =>
  refuse(`${name} is damaged or not a zip file. Create the archive again and send all of it.`, cause);

async function readEntries(zip: yauzl.ZipFile, name: string): Promise<yauzl.Entry[]> {
  const entries: yauzl.Entry[] = [];
  return await new Promise<yauzl.Entry[]>((resolve, reject) => {
    zip.on('entry', (entry: yauzl.Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.once('end', () => resolve(entries));
    zip.once('error', reject);
    zip.readEntry();
  }).catch((error: Error) => refuseDamaged(name, error));
}

function checkEntries(
  zip: yauzl.ZipFile,
  entries: readonly yauzl.Entry[],
  options: OpenOptions,
): Pick<ZipArchive, 'files' | 'folders'> {
  const refusals = new Refusals();
  const files: ZipFile[] = [];
  const folders: string[] = [];
  const seen = new Set<string>();
  let total = 0;
  for (const entry of entries) {
    const name = nameOf(entry);
    const problem =
      nameProblem(name) ?? kindProblem(entry, name, options) ?? (seen.has(name) ? 'occurs twice' : undefined);
    seen.add(name);
    if (problem !== undefined) refusals.add(JSON.stringify(name.slice(0, LONGEST_NAME)), problem);
    else if (SYSTEM_FILE.test(name)) continue;
    else if (name.endsWith('/')) folders.push(name.slice(0, -1));
    else {
      total += entry.uncompressedSize;
      files.push({ name, bytes: entry.uncompressedSize, read: () => unpack(zip, entry) });
    }
  }
  const { unpackedBytes } = options.limits;
  if (total > unpackedBytes) {
    refuse(
      `${options.name} would unpack to ${total} bytes; at most ${unpackedBytes} are accepted (DATASET_UNPACKED_MIB). Send smaller images, or fewer.`,
    );
  }
  refusals.throwIfAny();
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), folders };
}

/** Many archives have UTF-8 names without saying so. Some Windows programs write backslashes. */
function nameOf({ fileName, generalPurposeBitFlag }: yauzl.Entry): string {
  // The types say string, but with `decodeStrings: false` it is a Buffer.
  const name: unknown = fileName;
  const bytes = Buffer.isBuffer(name) ? name : Buffer.from(fileName);
  const mayBeLatin1 = (generalPurposeBitFlag & UTF8_FLAG) === 0;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: mayBeLatin1 }).decode(bytes);
  } catch {
    text = bytes.toString('latin1');
  }
  return text.replaceAll('\\', '/').normalize('NFC');
}

function nameProblem(name: string): string | undefined {
  if (name.length > LONGEST_NAME) return `has a name of more than ${LONGEST_NAME} characters`;
  if (/\p{C}/u.test(name)) return 'has control characters in its name';
  if (name.startsWith('/') || /^[a-z]:/i.test(name)) return 'has an absolute path';
  const parts = name.replace(/\/$/, '').split('/');
  if (parts.includes('..')) return 'has a path that leads out of the archive ("..")';
  if (parts.includes('') || parts.includes('.')) return 'has an empty part in its path';
  return undefined;
}

function kindProblem(entry: yauzl.Entry, name: string, { allowsNested }: OpenOptions): string | undefined {
  if (((entry.externalFileAttributes >>> 16) & FILE_TYPE) === SYMLINK) return 'is a symbolic link';
  if ((entry.generalPurposeBitFlag & ENCRYPTED_FLAG) !== 0) return 'is encrypted; zip it without a password';
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    return `uses the unsupported compression method ${entry.compressionMethod}; use "deflate"`;
  }
  if (ARCHIVE.test(name) && !allowsNested?.(name)) return 'is an archive within the archive; unpack it first';
  return undefined;
}

/** Unpacks one file. The library stops as soon as the file exceeds its stated size. */
async function unpack(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  try {
    const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      zip.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (error) {
    if (errorCodeOf(error)) throw error;
    throw new Error('cannot be unpacked: it is damaged or larger than stated', { cause: error });
  }
  const bytes = Buffer.concat(chunks);
  if (crc32(bytes) !== entry.crc32) throw new Error('is damaged: its checksum does not match');
  return bytes;
}
