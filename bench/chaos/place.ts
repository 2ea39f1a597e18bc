import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { StylographClient } from '../../src/client/index.ts';
import { freePort } from '../lib/port.ts';
import { ask } from './ask.ts';
import { Service } from './service.ts';

const SERVER = fileURLToPath(new URL('../../dist/bin/server.js', import.meta.url));
const START_MS = 120_000;

/** One Redis, one API and some workers as separate services on one data folder. */
export interface Place {
  folder: string;
  url: string;
  client: StylographClient;
  redis: Service;
  api: Service;
  workers: Service[];
  /** When the inference process was last disturbed. */
  inferenceDisturbedAt: number;
  /** Until when Redis is stopped. */
  redisAwayUntil: number;
  untilReady(): Promise<void>;
  /** Stops everything. @returns the processes that are left */
  close(): Promise<string[]>;
}

export async function openPlace(folder: string, workers = 2): Promise<Place> {
  const [port, redisPort] = [await freePort(), await freePort()];
  const logs = join(folder, 'logs');
  const redisFolder = join(folder, 'redis');
  for (const path of [logs, redisFolder]) mkdirSync(path, { recursive: true });
  const redis = new Service('redis', {
    command: process.env.REDIS_SERVER!,
    args: [
      ...['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', redisFolder],
      ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'],
    ],
    env: { DATA_DIR: folder },
    log: join(logs, 'redis.log'),
  });
  const server = (name: string, env: Record<string, string>): Service =>
    new Service(name, {
      command: process.execPath,
      args: [SERVER],
      env: {
        ...{ DATA_DIR: folder, REDIS_URL: `redis://127.0.0.1:${redisPort}`, HOST: '127.0.0.1' },
        ...{ DEMO: '0', LOG_LEVEL: 'warn', ...env },
      },
      log: join(logs, `${name}.log`),
    });
  const api = server('api', { ROLE: 'api', PORT: String(port) });
  const hands = Array.from({ length: workers }, (_, i) => server(`worker ${i + 1}`, { ROLE: 'worker' }));
  const url = `http://127.0.0.1:${port}`;
  const place: Place = {
    folder,
    url,
    // No retries, because the watchers count failures.
    client: new StylographClient({ url, retries: 0, timeoutMs: 20_000 }),
    redis,
    api,
    workers: hands,
    inferenceDisturbedAt: 0,
    redisAwayUntil: 0,
    untilReady: () => untilReady(url),
    close: async () => {
      await Promise.all([api, ...hands].map((service) => service.stop('SIGTERM')));
      await redis.stop('SIGTERM');
      return await remains(folder);
    },
  };
  for (const service of [redis, api, ...hands]) service.start();
  await place.untilReady();
  return place;
}

async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    const answer = await ask(`${url}/health/ready`, { timeoutMs: 5_000 }).catch(() => undefined);
    if (answer?.status === 200) return;
    if (Date.now() > deadline) throw new Error(`${url} was not ready within ${START_MS / 1000} s`);
    await sleep(100);
  }
}

/** Command lines of the processes that still use the folder after a moment. */
async function remains(folder: string): Promise<string[]> {
  let left: string[] = [];
  for (let i = 0; i < 50; i++) {
    left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && environmentOf(pid).includes(folder));
    if (left.length === 0) break;
    await sleep(100);
  }
  return left.map((pid) => `process ${pid}: ${commandOf(pid)}`);
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
const environmentOf = (pid: string): string[] =>
  read(`/proc/${pid}/environ`)
    .split('\0')
    .flatMap((entry) => (entry.startsWith('DATA_DIR=') ? [entry.slice('DATA_DIR='.length)] : []));
const commandOf = (pid: string): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
