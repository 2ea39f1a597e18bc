import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { RunEvent, RunEventBody } from '../../core/contracts/run.ts';
import { explainFullDisk, systemCode } from '../../store/disk.ts';
import { applyEntry, type Entry, eventIds, type Folded, nothingYet, type Outcome } from './fold.ts';

const PIECE_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/** An entry as written; the key finds its outcome again among lines of other processes. */
type Line = Entry & { key: string };

/** Progress is told four times a second, and a lost one is replaced by the next: it is not waited for. */
const isPassing = (entry: Entry): boolean => entry.type === 'event' && entry.body.type === 'progress';

/**
 * The journal of a run: an append-only file of JSON lines that several processes may read and write at a time. What
 * the run is follows from the lines in their order. A line that was cut off by a crash is skipped.
 */
export class Journal {
  readonly #path: string;
  readonly #outcomes = new Map<string, Outcome | undefined>();
  #folded = nothingYet();
  /** Bytes that have been read and applied. */
  #offset = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** A reader of the same file that begins at its first line. */
  again(): Journal {
    return new Journal(this.#path);
  }

  /** One thing at a time: what is read must be applied in order. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(action, action);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** The run as it is now. */
  async read(onEvents?: (events: RunEvent[]) => void): Promise<Folded> {
    return await this.#inTurn(async () => {
      await this.#catchUp(onEvents);
      return this.#folded;
    });
  }

  /** Writes a line and tells what came of it, and what the run is then. @throws disk_full */
  async append(entry: Entry): Promise<{ outcome: Outcome; folded: Folded; events: RunEvent[] }> {
    return await this.#inTurn(async () => {
      const line: Line = { ...entry, key: randomUUID() };
      await explainFullDisk(this.#path, async () => {
        const file = await open(this.#path, 'a');
        try {
          // Begins with an end of line too: what a crash cut off stays a line of its own.
          await file.write(`\n${JSON.stringify(line)}\n`);
          if (!isPassing(entry)) await file.datasync();
        } finally {
          await file.close();
        }
      });
      this.#outcomes.set(line.key, undefined);
      const events: RunEvent[] = [];
      await this.#catchUp((told, key) => {
        if (key === line.key) events.push(...told);
      });
      const outcome = this.#outcomes.get(line.key) ?? 'missing';
      this.#outcomes.delete(line.key);
      return { outcome, folded: this.#folded, events };
    });
  }

  /** Reads and applies the whole lines that were written since. */
  async #catchUp(onEvents?: (events: RunEvent[], key: string) => void): Promise<void> {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(this.#path, 'r');
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw error;
      this.#folded = nothingYet();
      this.#offset = 0;
      return;
    }
    try {
      let rest: Buffer = Buffer.alloc(0);
      for (;;) {
        const piece = Buffer.allocUnsafe(PIECE_BYTES);
        const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, this.#offset + rest.length);
        if (bytesRead === 0) return;
        rest = this.#applyLines(Buffer.concat([rest, piece.subarray(0, bytesRead)]), onEvents);
      }
    } finally {
      await file.close();
    }
  }

  /** Applies whole lines and gives what is left of the last one. */
  #applyLines(bytes: Buffer, onEvents?: (events: RunEvent[], key: string) => void): Buffer {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      const line = parseLine(bytes.toString('utf8', start, end));
      if (line !== undefined) {
        const told: RunEventBody[] = [];
        const outcome = applyEntry(this.#folded, line, (body) => told.push(body));
        if (this.#outcomes.has(line.key)) this.#outcomes.set(line.key, outcome);
        if (told.length > 0) onEvents?.(eventIds(this.#offset + start, told), line.key);
      }
      start = end + 1;
    }
    this.#offset += start;
    return bytes.subarray(start);
  }
}

function parseLine(text: string): Line | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}
