import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RunEvent } from '../../core/contracts/run.ts';
import { connectRedis, guarded, type RedisTarget } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { compareIds, parseEntry, RunEvents, STREAM_START, type StreamEntry } from './events.ts';

const BLOCK_MS = 5_000;
const RETRY_MS = 200;
const WAKE_SECONDS = 60;
const BACKLOG_PAGE = 500;
/** A subscriber further behind than this reads from the stream again in place of holding it all in memory. */
const MAX_PENDING = 1_000;

/** What one subscriber has not taken yet. */
class Inbox {
  #events: RunEvent[] = [];
  #wake: (() => void) | undefined;
  #open = true;
  #overflowed = false;

  push(event: RunEvent): void {
    if (this.#overflowed) return;
    this.#events.push(event);
    if (this.#events.length > MAX_PENDING) {
      this.#overflowed = true;
      this.#events = [];
    }
    this.#wake?.();
  }

  close(): void {
    this.#open = false;
    this.#wake?.();
  }

  /** Everything that came, as soon as something did; undefined once nothing more will, or too much did. */
  async take(): Promise<RunEvent[] | undefined> {
    if (this.#events.length === 0 && this.#open && !this.#overflowed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return this.#open && !this.#overflowed ? this.#events.splice(0) : undefined;
  }
}

/** One run that is being listened to. Its inboxes get everything after `position`. */
interface Channel {
  position: string;
  inboxes: Set<Inbox>;
}

/**
 * Live events for many subscribers over one blocking connection. Each first reads what is stored, up to the
 * position the reader had when it joined, then what the reader hands out: nothing is missed or told twice.
 */
export class EventHub {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #events: RunEvents;
  readonly #reader: Redis;
  readonly #channels = new Map<string, Channel>();
  #closed = false;
  readonly #wakeKey: string;
  #wakePosition = STREAM_START;
  #reading = false;

  /** @param redis for everything but the blocking read, which gets a connection of its own to `target`. */
  constructor(redis: Redis, target: RedisTarget, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
    this.#events = new RunEvents(redis, keys);
    this.#reader = connectRedis(target, 'patient');
    this.#wakeKey = keys.wake(randomUUID());
  }

  /**
   * The run's events after the given id (from the start without one), stored and live, until `end`, an abort or
   * the hub's closing; then the iteration ends without an error.
   * @throws redis_unavailable when what is stored cannot be read
   */
  async *subscribe(
    runId: string,
    { after = STREAM_START, signal }: { after?: string | undefined; signal: AbortSignal },
  ): AsyncGenerator<RunEvent, void> {
    const open = (): boolean => !signal.aborted && !this.#closed;
    let last = after;
    while (open()) {
      const inbox = new Inbox();
      const stop = (): void => inbox.close();
      signal.addEventListener('abort', stop);
      const { channel, storedUntil, ended } = await this.#join(runId, inbox);
      try {
        while (compareIds(last, storedUntil) < 0 && open()) {
          const page = await this.#events.range(runId, `(${last}`, storedUntil, BACKLOG_PAGE);
          if (page.length === 0) break;
          for (const event of page) {
            last = event.id;
            yield event;
            // It may have come while this one joined, and been handed out before its inbox was there.
            if (event.type === 'end') return;
          }
        }
        if (ended) return;
        for (let news = await inbox.take(); news !== undefined && open(); news = await inbox.take()) {
          for (const event of news) {
            if (compareIds(event.id, last) <= 0) continue;
            last = event.id;
            yield event;
            if (event.type === 'end') return;
          }
        }
      } finally {
        signal.removeEventListener('abort', stop);
        this.#leave(runId, channel, inbox);
      }
    }
  }

  /** Subscribers at this moment, all runs together. */
  get subscribers(): number {
    return [...this.#channels.values()].reduce((sum, { inboxes }) => sum + inboxes.size, 0);
  }

  /** `storedUntil`: the inbox gets all that comes after it. `ended`: nothing will. */
  async #join(
    runId: string,
    inbox: Inbox,
  ): Promise<{ channel: Channel; storedUntil: string; ended: boolean }> {
    const newest = await this.#events.newest(runId);
    const ended = newest?.type === 'end';
    const known = this.#channels.get(runId);
    const channel = known ?? { position: newest?.id ?? STREAM_START, inboxes: new Set() };
    const storedUntil = ended ? newest.id : channel.position;
    if (ended) return { channel, storedUntil, ended };
    channel.inboxes.add(inbox);
    if (known === undefined) {
      this.#channels.set(runId, channel);
      if (!this.#reading) void this.#read();
      // Should this fail, the reader notices the channel when its blocking read times out.
      await this.#wakeReader().catch(() => undefined);
    }
    return { channel, storedUntil, ended };
  }

  #leave(runId: string, channel: Channel, inbox: Inbox): void {
    channel.inboxes.delete(inbox);
    if (channel.inboxes.size === 0 && this.#channels.get(runId) === channel) this.#channels.delete(runId);
  }

  /** Makes the blocked reader return, so that it asks again with the channels of now. */
  async #wakeReader(): Promise<void> {
    await guarded(() =>
      this.#redis
        .multi()
        .xadd(this.#wakeKey, 'MAXLEN', 1, '*', 'wake', '')
        .expire(this.#wakeKey, WAKE_SECONDS)
        .exec(),
    );
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    this.#reading = true;
    while (!this.#closed) {
      const channels = [...this.#channels];
      const names = [this.#wakeKey, ...channels.map(([runId]) => this.#keys.events(runId))];
      const positions = [this.#wakePosition, ...channels.map(([, { position }]) => position)];
      try {
        const answer = await this.#reader.xread('BLOCK', BLOCK_MS, 'STREAMS', ...names, ...positions);
        for (const [name, entries] of answer ?? []) this.#deliver(names.indexOf(name), channels, entries);
      } catch {
        // The connection was lost, or Redis restarts. Positions are explicit, so asking again misses nothing.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #deliver(index: number, channels: [string, Channel][], entries: StreamEntry[]): void {
    const newest = entries.at(-1)?.[0];
    if (newest === undefined) return;
    if (index === 0) {
      this.#wakePosition = newest;
      return;
    }
    const [, channel] = channels[index - 1]!;
    channel.position = newest;
    for (const event of entries.map(parseEntry)) for (const inbox of channel.inboxes) inbox.push(event);
  }

  /** Ends every subscription and the connection. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { inboxes } of this.#channels.values()) for (const inbox of inboxes) inbox.close();
    // The loop is not waited for: a disconnect does not reject a command that waits for a server that is away.
    this.#reader.disconnect();
  }
}
