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
/** A subscriber with more pending events drops them and reads the stream again, which bounds its memory. */
const MAX_PENDING = 1_000;

/** The pending events of one subscriber. */
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

  /** Waits for events and returns all pending ones; undefined once the inbox is closed or has overflowed. */
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

/** A run with subscribers. Its inboxes receive every event after `position`. */
interface Channel {
  position: string;
  inboxes: Set<Inbox>;
}

/**
 * Delivers live events to many subscribers over one blocking connection. A subscriber first reads the stored events up
 * to the reader's position at the time it joined, then those that the reader delivers. So it gets each event exactly
 * once.
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

  /** @param redis for all commands except the blocking read, which opens its own connection to `target` */
  constructor(redis: Redis, target: RedisTarget, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
    this.#events = new RunEvents(redis, keys);
    this.#reader = connectRedis(target, 'patient');
    this.#wakeKey = keys.wake(randomUUID());
  }

  /**
   * Yields the run's stored and live events after the given id, by default from the start. The iteration ends without
   * an error at `end`, on an abort, or when the hub closes.
   * @throws redis_unavailable when the stored events cannot be read
   */
  async *subscribe(
    runId: string,
    { after = STREAM_START, signal }: { after?: string | undefined; signal: AbortSignal },
  ): AsyncGenerator<RunEvent, void> {
    const isOpen = (): boolean => !signal.aborted && !this.#closed;
    let last = after;
    while (isOpen()) {
      const inbox = new Inbox();
      const stop = (): void => inbox.close();
      signal.addEventListener('abort', stop);
      const { channel, storedUntil, ended } = await this.#join(runId, inbox);
      try {
        while (compareIds(last, storedUntil) < 0 && isOpen()) {
          const page = await this.#events.range(runId, `(${last}`, storedUntil, BACKLOG_PAGE);
          if (page.length === 0) break;
          for (const event of page) {
            last = event.id;
            yield event;
            // The reader may have delivered `end` before this subscriber's inbox joined, so check stored events too.
            if (event.type === 'end') return;
          }
        }
        if (ended) return;
        for (let batch = await inbox.take(); batch !== undefined && isOpen(); batch = await inbox.take()) {
          for (const event of batch) {
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

  /** Current number of subscribers, over all runs. */
  get subscribers(): number {
    return [...this.#channels.values()].reduce((sum, { inboxes }) => sum + inboxes.size, 0);
  }

  /** The inbox receives every event after `storedUntil`. If `ended`, none will follow, so it does not join. */
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
      // If this fails, the reader notices the channel when its blocking read times out.
      await this.#wakeReader().catch(() => undefined);
    }
    return { channel, storedUntil, ended };
  }

  #leave(runId: string, channel: Channel, inbox: Inbox): void {
    channel.inboxes.delete(inbox);
    if (channel.inboxes.size === 0 && this.#channels.get(runId) === channel) this.#channels.delete(runId);
  }

  /** Wakes the blocked reader, so that it reads again with the current channels. */
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
        const reply = await this.#reader.xread('BLOCK', BLOCK_MS, 'STREAMS', ...names, ...positions);
        for (const [name, entries] of reply ?? []) this.#deliver(names.indexOf(name), channels, entries);
      } catch {
        // The connection was lost, or Redis restarts. Positions are explicit, so a retry misses nothing.
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
    // Do not await the loop: while the server is away, a disconnect does not reject the waiting command.
    this.#reader.disconnect();
  }
}
