import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Redis } from 'ioredis';
import type { TrainingConfigOverrides } from '../../src/core/contracts/config.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import type { RunEvent, RunRecord } from '../../src/core/contracts/run.ts';
import { errorCodeOf } from '../../src/core/errors.ts';
import { connectRedis, type RedisTarget, waitUntilReady } from '../../src/platform/redis/connection.ts';
import { type Keys, redisKeys } from '../../src/platform/redis/key-names.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/platform/redis/private-redis.ts';
import { RunEvents } from '../../src/runs/redis/events.ts';
import type { NewRun } from '../../src/runs/redis/records.ts';
import { RunStore } from '../../src/runs/redis/run-store.ts';

export interface Workplace {
  folder: string;
  target: RedisTarget;
  keys: Keys;
  redis: Redis;
  runs: RunStore;
  events: RunEvents;
  server(): PrivateRedis;
  startServer(): Promise<void>;
  /** What to end before Redis is ended, newest first. */
  onEnd(end: () => unknown): void;
}

/** A Redis of its own in a folder of its own, gone when the test is. `npm test` names the server program. */
export async function workplace(t: TestContext, { queueLimit = 100 } = {}): Promise<Workplace> {
  const program = process.env.REDIS_SERVER;
  if (!program) throw new Error('REDIS_SERVER must name a redis-server or valkey-server; run "npm test"');
  const folder = await mkdtemp(join(tmpdir(), 'stylograph-test-'));
  const start = (): Promise<PrivateRedis> => startPrivateRedis({ dataDir: folder, server: program });
  let server = await start();
  const { target } = server;
  const redis = connectRedis(target, 'prompt');
  await waitUntilReady(redis, 5_000);
  const keys = redisKeys();
  const runs = new RunStore(redis, keys, { queueLimit });
  const ends: (() => unknown)[] = [];
  t.after(async () => {
    for (const end of ends.reverse()) await end();
    await runs.close();
    redis.disconnect();
    await server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  return {
    folder,
    target,
    keys,
    redis,
    runs,
    events: new RunEvents(redis, keys),
    onEnd: (end) => ends.push(end),
    server: () => server,
    startServer: async () => {
      server = await start();
    },
  };
}

export function newRun(config: TrainingConfigOverrides = {}, change: Partial<NewRun> = {}): NewRun {
  return {
    name: 'test',
    preset: 'quick',
    dataset: 'mnist',
    seed: 1,
    config: resolveConfig('quick', config),
    tags: [],
    ...change,
  };
}

export const withCode = (code: string) => (error: unknown) => errorCodeOf(error) === code;

/** Asks again until the answer is there. The limit only ends a test that has failed. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  ms = 60_000,
): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const untilState = (
  { runs }: Workplace,
  id: string,
  state: RunRecord['state'],
  ms?: number,
): Promise<RunRecord> =>
  until(
    `${id} to be ${state}`,
    async () => {
      const run = await runs.get(id);
      return run.state === state && run;
    },
    ms,
  );

export const allEvents = ({ events }: Workplace, id: string): Promise<RunEvent[]> =>
  events.read(id, { limit: 100_000 });

export const statesIn = (events: RunEvent[]): unknown[] =>
  events.filter(({ type }) => type === 'state').map(({ data }) => data.state);

/** Iterations told by one kind of event, in the order told. */
export const iterationsIn = (events: RunEvent[], kind: string): unknown[] =>
  events.filter(({ type }) => type === kind).map(({ data }) => data.iteration);
