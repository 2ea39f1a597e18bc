import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connectRedis, type RedisTarget } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';

const GROUP = 'dispatch';
const BLOCK_MS = 5_000;
const AT_ONCE = 50;
const RETRY_MS = 500;
/** What another reader has taken and not finished for so long was lost with it. */
const ABANDONED_MS = 30_000;

export interface OutboxEntry {
  runId: string;
  event: { id: string; type: string; data: unknown };
}

type Entry = [id: string, fields: string[]];

/**
 * Reads what runs have told for webhooks, each entry by one of all the readers, and forgets it once it is handled. An
 * entry may be handled twice when a reader dies in between.
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

  /** The reader blocks, so it has a connection of its own. */
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
        for (const entry of await this.#next()) await this.#finish(entry);
      } catch (error) {
        if (this.#closed) return;
        // The group is made by whoever comes first, and anew when Redis has lost it.
        if ((error as Error).message.startsWith('NOGROUP')) await this.#makeGroup();
        else {
          this.#onProblem(error as Error);
          await sleep(RETRY_MS);
        }
      }
    }
  }

  async #makeGroup(): Promise<void> {
    await this.#reader.xgroup('CREATE', this.#key, GROUP, '0', 'MKSTREAM').catch((error: Error) => {
      if (!error.message.startsWith('BUSYGROUP')) this.#onProblem(error);
    });
  }

  async #next(): Promise<Entry[]> {
    const [, lost] = (await this.#reader.xautoclaim(
      this.#key,
      GROUP,
      this.#name,
      ABANDONED_MS,
      '0',
      'COUNT',
      AT_ONCE,
    )) as [string, Entry[]];
    if (lost.length > 0) return lost;
    const answer = (await this.#reader.xreadgroup(
      'GROUP',
      GROUP,
      this.#name,
      'COUNT',
      AT_ONCE,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      this.#key,
      '>',
    )) as [string, Entry[]][] | null;
    return answer?.[0]?.[1] ?? [];
  }

  async #finish([entryId, list]: Entry): Promise<void> {
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
    // The loop is not waited for: a disconnect does not reject a command that waits for a server that is away.
    this.#reader.disconnect();
  }
}
