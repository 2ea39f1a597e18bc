import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DatasetLimits, DatasetUpload, ReceivedDataset } from '../../core/contracts/dataset.ts';
import { StylographError } from '../../core/errors.ts';
import { isAlive } from '../../platform/processes/proc.ts';
import { explainFullDisk, requireSpace } from '../../store/disk.ts';
import { type ImportedDataset, importInChild } from './import-in-child.ts';
import { refuse } from './refusals.ts';

const ROOT = 'uploads';
const MOST_FILES = 8;
/** Bytes between checks of the free disk space. */
const CHECK_EVERY = 16 * 1024 * 1024;
/** An upload of another machine that has not grown for this long is abandoned. */
const ABANDONED_AFTER_MS = 86_400_000;

interface PendingUploadOptions {
  dataDir: string;
  storeRoot: string;
  limits: DatasetLimits;
  /** Path of the child's module. */
  uploadChild: string;
  /** Called once, when the upload is discarded. */
  onDiscard(): void;
}

/** The files of one upload, in a temporary folder until they are imported. */
export class PendingUpload {
  readonly #folder: string;
  readonly #options: PendingUploadOptions;
  readonly #files: ReceivedDataset['files'] = [];
  #bytes = 0;

  private constructor(folder: string, options: PendingUploadOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  static async create(options: PendingUploadOptions): Promise<PendingUpload> {
    const name = `${hostname()}.${process.pid}.${randomUUID()}`;
    const folder = join(options.dataDir, ROOT, name);
    await explainFullDisk('the upload', () => mkdir(folder, { recursive: true }));
    return new PendingUpload(folder, options);
  }

  /** Limit for all files together, in bytes. */
  get limit(): number {
    return this.#options.limits.fileBytes;
  }

  tooLarge(): StylographError {
    return new StylographError(
      'body_too_large',
      `The upload has more than ${this.limit} bytes (DATASET_MIB). Send smaller images: models see at most 64×64.`,
    );
  }

  /** Writes one file as it arrives. @throws body_too_large, invalid_dataset, disk_full */
  async addFile(name: string, stream: Readable): Promise<void> {
    if (this.#files.length === MOST_FILES) {
      refuse(`An upload may have at most ${MOST_FILES} files. Pack them into one zip file.`);
    }
    const path = join(this.#folder, String(this.#files.length));
    await explainFullDisk('the upload', () =>
      pipeline(stream, (chunks) => this.#checked(chunks), createWriteStream(path)),
    );
    this.#files.push({ path, name: name || 'the file' });
  }

  async *#checked(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      if (this.#bytes % CHECK_EVERY < chunk.length) await requireSpace(this.#folder, CHECK_EVERY);
      this.#bytes += chunk.length;
      if (this.#bytes > this.limit) throw this.tooLarge();
      yield chunk;
    }
  }

  /** Checks the files and stores them as a dataset. @throws as {@link importInChild} */
  async import(fields: DatasetUpload, signal: AbortSignal): Promise<ImportedDataset> {
    const { limits, storeRoot, uploadChild } = this.#options;
    const received = { fields, files: this.#files };
    return await importInChild(uploadChild, { received, limits, storeRoot }, signal);
  }

  /** Removes the files. Always call it, also after a failure. */
  async discard(): Promise<void> {
    this.#options.onDiscard();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Removes the files of uploads whose process has died. */
export async function removeAbandonedUploads(dataDir: string): Promise<void> {
  const root = join(dataDir, ROOT);
  for (const name of await readdir(root).catch(() => [])) {
    const folder = join(root, name);
    if (await isAbandoned(folder, name)) await rm(folder, { recursive: true, force: true });
  }
}

async function isAbandoned(path: string, name: string): Promise<boolean> {
  const [, host, pid] = /^(.*)\.(\d+)\.[0-9a-f-]{36}$/.exec(name) ?? [];
  if (host === hostname()) return Number(pid) === process.pid || !isAlive(Number(pid), 'anyone');
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > ABANDONED_AFTER_MS;
}
