import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connectRedis, type RedisTarget } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';

const GROUP = 'dispatch';
const BLOCK_MS = 5_000;
const BATCH_SIZE = 50;
const RETRY_MS = 500;
/** A reader that holds an entry for this long counts as dead, and another one claims the entry. */
const ABANDONED_MS = 30_000;

export interface OutboxEntry {
  runId: string;
  event: { id: string; type: string; data: unknown };
}

type Entry = [id: string, fields: string[]];

/**
 * Reads run events for webhooks from the outbox. Each entry goes to one reader, which deletes it after handling it.
 * An entry may be handled twice when a reader dies before the deletion.
 */
export class Outbox {
  readonly #reader: Redis;
  readonly #key: string;
  readonly #runPrefix: string;
  readonly #name = randomUUID();
  readonly #handle: (entry: OutboxEntry) => Promise<void>;
  readonly #onProblem: (problem: Error) => void;
  #closed = false;
  #reading: Promise<void> | undefined;

  /** Opens its own connection, since the reader blocks it. */
  constructor(
    target: RedisTarget,
    keys: Keys,
    handle: (entry: OutboxEntry) => Promise<void>,
    onProblem: (problem: Error) => void,
  ) {
    this.#reader = connectRedis(target, 'patient');
    this.#key = keys.outbox;
    this.#runPrefix = keys.run('');
    this.#handle = handle;
    this.#onProblem = onProblem;
  }

  start(): void {
    this.#reading ??= this.#read();
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    while (!this.#closed) {
      try {
        for (const entry of await this.#next()) await this.#process(entry);
      } catch (error) {
        if (this.#closed) return;
        // The group does not exist before the first read, or Redis lost it.
        if ((error as Error).message.startsWith('NOGROUP')) await this.#createGroup();
        else {
          this.#onProblem(error as Error);
          await sleep(RETRY_MS);
        }
      }
    }
  }

  async #createGroup(): Promise<void> {
    await this.#reader.xgroup('CREATE', this.#key, GROUP, '0', 'MKSTREAM').catch((error: Error) => {
      if (!error.message.startsWith('BUSYGROUP')) this.#onProblem(error);
    });
  }

  async #next(): Promise<Entry[]> {
    const [, abandoned] = (await this.#reader.xautoclaim(
      this.#key,
      GROUP,
      this.#name,
      ABANDONED_MS,
      '0',
      'COUNT',
      BATCH_SIZE,
    )) as [string, Entry[]];
    if (abandoned.length > 0) return abandoned;
    const reply = (await this.#reader.xreadgroup(
      'GROUP',
      GROUP,
      this.#name,
      'COUNT',
      BATCH_SIZE,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      this.#key,
      '>',
    )) as [string, Entry[]][] | null;
    return reply?.[0]?.[1] ?? [];
  }

  async #process([entryId, list]: Entry): Promise<void> {
    const fields = new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]!] as const] : [])));
    await this.#handle({
      runId: fields.get('run')!.slice(this.#runPrefix.length),
      event: {
        id: fields.get('event')!,
        type: fields.get('type')!,
        data: JSON.parse(fields.get('data')!) as unknown,
      },
    });
    await this.#reader.multi().xack(this.#key, GROUP, entryId).xdel(this.#key, entryId).exec();
  }

  async close(): Promise<void> {
    this.#closed = true;
    // Do not await the loop: while the server is away, a disconnect does not reject the waiting command.
    this.#reader.disconnect();
  }
}
