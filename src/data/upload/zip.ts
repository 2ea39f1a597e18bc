import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import type { DatasetLimits } from '../../core/contracts/dataset.ts';
import { errorCodeOf } from '../../core/errors.ts';
import { Refusals, refuse } from './refusals.ts';

/** One file of an archive. */
export interface ZipFile {
  /** Parts with slashes between them; never absolute, never upwards. */
  name: string;
  bytes: number;
  /** @throws an error that says how it is damaged */
  read(): Promise<Uint8Array>;
}

export interface ZipArchive {
  files: ZipFile[];
  /** Folders that are listed by themselves, without a slash at the end. */
  folders: string[];
  close(): void;
}

const LONGEST_NAME = 500;
const STORED = 0;
const DEFLATED = 8;
const UTF8_FLAG = 0x800;
const FILE_TYPE = 0o170000;
const SYMLINK = 0o120000;
const NESTED = /\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar|jar|npz)$/i;
/** What systems and programs leave in archives by themselves. */
const LITTER = /(^|\/)(__MACOSX|\.[^/]*|Thumbs\.db|desktop\.ini)(\/|$)/i;

interface OpenOptions {
  /** What the user calls the archive. */
  title: string;
  limits: DatasetLimits;
  /** Archives in archives are taken too where they are known to be plain gzip. */
  allows?: (name: string) => boolean;
}

/**
 * Opens a zip file by its list of files, which is checked before anything is unpacked: names, links, encryption, methods,
 * how many files and how large. What a file holds is checked against that list when it is read.
 * @throws invalid_dataset
 */
export async function openZip(path: string, options: OpenOptions): Promise<ZipArchive> {
  const { title, limits } = options;
  const zip = await openList(path, title);
  try {
    if (zip.entryCount > limits.images) {
      refuse(
        `${title} lists ${zip.entryCount} files; at most ${limits.images} are taken (DATASET_IMAGES). Split it, or ask the operator for more.`,
      );
    }
    const entries = await listed(zip, title);
    return { ...checked(zip, entries, options), close: () => zip.close() };
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function openList(path: string, title: string): Promise<yauzl.ZipFile> {
  // Names stay bytes, so that one bad name does not hide the others.
  const how = { lazyEntries: true, autoClose: false, decodeStrings: false } as const;
  return await new Promise((resolve, reject) => {
    yauzl.open(path, how, (error, zip) => (error ? reject(error) : resolve(zip)));
  }).then(
    (zip) => zip as yauzl.ZipFile,
    (error: Error) => refuse(damaged(title, error), error),
  );
}

const damaged = (title: string, { message }: Error): string =>
  `${title} is damaged or no zip file: ${message.replace(/\.$/, '')}. Make the archive anew and send the whole of it.`;

async function listed(zip: yauzl.ZipFile, title: string): Promise<yauzl.Entry[]> {
  const entries: yauzl.Entry[] = [];
  return await new Promise<yauzl.Entry[]>((resolve, reject) => {
    zip.on('entry', (entry: yauzl.Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.once('end', () => resolve(entries));
    zip.once('error', reject);
    zip.readEntry();
  }).catch((error: Error) => refuse(damaged(title, error), error));
}

function checked(zip: yauzl.ZipFile, entries: readonly yauzl.Entry[], options: OpenOptions) {
  const { title, limits } = options;
  const refusals = new Refusals();
  const files: ZipFile[] = [];
  const folders: string[] = [];
  const seen = new Set<string>();
  let total = 0;
  for (const entry of entries) {
    const name = nameOf(entry);
    const why =
      badName(name) ?? badKind(entry, name, options) ?? (seen.has(name) ? 'is there twice' : undefined);
    seen.add(name);
    if (why !== undefined) refusals.add(JSON.stringify(name.slice(0, LONGEST_NAME)), why);
    else if (LITTER.test(name)) continue;
    else if (name.endsWith('/')) folders.push(name.slice(0, -1));
    else {
      total += entry.uncompressedSize;
      files.push({ name, bytes: entry.uncompressedSize, read: () => unpack(zip, entry) });
    }
  }
  if (total > limits.unpackedBytes) {
    refuse(
      `${title} would unpack to ${total} bytes; at most ${limits.unpackedBytes} are taken (DATASET_UNPACKED_MIB). Send smaller images, or fewer.`,
    );
  }
  refusals.settle();
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), folders };
}

/** Archives say whether a name is UTF-8; many that are do not. Some Windows programs write backslashes. */
function nameOf({ fileName, generalPurposeBitFlag }: yauzl.Entry): string {
  const bytes = fileName as unknown as Buffer;
  const strict = (generalPurposeBitFlag & UTF8_FLAG) === 0;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: strict }).decode(bytes);
  } catch {
    text = bytes.toString('latin1');
  }
  return text.replaceAll('\\', '/').normalize('NFC');
}

function badName(name: string): string | undefined {
  if (name.length > LONGEST_NAME) return `has a name of more than ${LONGEST_NAME} characters`;
  if (/\p{C}/u.test(name)) return 'has control characters in its name';
  if (name.startsWith('/') || /^[a-z]:/i.test(name)) return 'has an absolute path';
  const parts = name.replace(/\/$/, '').split('/');
  if (parts.includes('..')) return 'would lead out of the archive ("..")';
  if (parts.includes('') || parts.includes('.')) return 'has an empty part in its path';
  return undefined;
}

function badKind(entry: yauzl.Entry, name: string, { allows }: OpenOptions): string | undefined {
  if (((entry.externalFileAttributes >>> 16) & FILE_TYPE) === SYMLINK) return 'is a symbolic link';
  if ((entry.generalPurposeBitFlag & 1) !== 0) return 'is encrypted; pack it without a password';
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    return `is packed by a method that is not taken (${entry.compressionMethod}); use "deflate"`;
  }
  if (NESTED.test(name) && !allows?.(name)) return 'is an archive within the archive; unpack it first';
  return undefined;
}

/** The bytes of one file. The library ends it as soon as it grows beyond what was stated. */
async function unpack(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  try {
    const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      zip.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (error) {
    if (errorCodeOf(error)) throw error;
    throw new Error(`cannot be unpacked (${(error as Error).message})`, { cause: error });
  }
  const bytes = Buffer.concat(chunks);
  if (crc32(bytes) !== entry.crc32) throw new Error('is damaged: its checksum does not hold');
  return bytes;
}
