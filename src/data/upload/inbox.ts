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
import { requireRoom, writing } from '../../store/files.ts';
import { type TakenIn, takeInApart } from './process.ts';
import { refuse } from './refusals.ts';

const ROOT = 'uploads';
const MOST_FILES = 8;
/** Bytes after which the room on the disk is looked at again. */
const LOOK_EVERY = 16 * 1024 * 1024;
/** Another machine's upload that has not grown for so long is abandoned. */
const ABANDONED_AFTER_MS = 86_400_000;

interface InboxOptions {
  dataDir: string;
  storeRoot: string;
  limits: DatasetLimits;
  /** Path of the module that takes an upload in. */
  uploadChild: string;
  /** Called once, when it is emptied. */
  release(): void;
}

/** A folder for the files of one upload while it arrives and is taken in. */
export class Inbox {
  readonly #folder: string;
  readonly #options: InboxOptions;
  readonly #files: ReceivedDataset['files'] = [];
  #bytes = 0;

  private constructor(folder: string, options: InboxOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  static async open(options: InboxOptions): Promise<Inbox> {
    const name = `${hostname()}.${process.pid}.${randomUUID()}`;
    const folder = join(options.dataDir, ROOT, name);
    await writing('the upload', () => mkdir(folder, { recursive: true }));
    return new Inbox(folder, options);
  }

  /** Bytes that all files together may have. */
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
  async take(name: string, stream: Readable): Promise<void> {
    if (this.#files.length === MOST_FILES)
      refuse(`An upload has at most ${MOST_FILES} files; pack them into one zip.`);
    const path = join(this.#folder, String(this.#files.length));
    await writing('the upload', () =>
      pipeline(stream, (chunks) => this.#counted(chunks), createWriteStream(path)),
    );
    this.#files.push({ path, name: name || 'the file' });
  }

  async *#counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      if (this.#bytes % LOOK_EVERY < chunk.length) await requireRoom(this.#folder, LOOK_EVERY);
      this.#bytes += chunk.length;
      if (this.#bytes > this.limit) throw this.tooLarge();
      yield chunk;
    }
  }

  /** Checks what has arrived and keeps it as a dataset. @throws as takeInApart */
  async finish(fields: DatasetUpload, signal: AbortSignal): Promise<TakenIn> {
    const { limits, storeRoot, uploadChild } = this.#options;
    const received = { fields, files: this.#files };
    return await takeInApart(uploadChild, { received, limits, storeRoot }, signal);
  }

  /** Removes the files; for whatever outcome. */
  async empty(): Promise<void> {
    this.#options.release();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Removes what a process that was killed while it received left behind. */
export async function sweepInboxes(dataDir: string): Promise<void> {
  const root = join(dataDir, ROOT);
  for (const name of await readdir(root).catch(() => [])) {
    if (await isAbandoned(join(root, name), name))
      await rm(join(root, name), { recursive: true, force: true });
  }
}

async function isAbandoned(path: string, name: string): Promise<boolean> {
  const [, host, pid] = /^(.*)\.(\d+)\.[0-9a-f-]{36}$/.exec(name) ?? [];
  if (host === hostname()) return Number(pid) === process.pid || !isAlive(Number(pid), 'anyone');
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > ABANDONED_AFTER_MS;
}
