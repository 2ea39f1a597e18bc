import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../lib/port.ts';
import { processTree } from '../lib/processes.ts';
import type { Target } from './load.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PEERS = join(ROOT, 'bench', 'peers');
const START_MS = 120_000;

export interface Latent {
  latent: number[];
  label: number;
}

/** A server with all its processes. */
export interface Server {
  name: string;
  url: string;
  pid: number;
  generate: Target;
  /** The PNG of a latent. */
  decode(latent: Latent): Promise<Buffer>;
  /** Event-loop delay of the HTTP process since `resetDelay`, in milliseconds. */
  readDelay?(): Promise<{ p50: number; p99: number }>;
  resetDelay?(): void;
  stop(): Promise<void>;
}

/** Waits for a 2xx response. @throws Error with the end of standard error, when the process ends or takes too long */
async function untilReady(child: ChildProcess, url: string, what: string): Promise<void> {
  let complaints = '';
  child.stderr?.on('data', (chunk) => {
    complaints = `${complaints}${chunk}`.slice(-4000);
  });
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(10);
  }
  await endGroup(child);
  throw new Error(`${what} did not start: ${complaints}`);
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const rest = processTree(child.pid!).map(({ pid }) => pid);
  child.kill('SIGTERM');
  await Promise.race([exited, sleep(15_000, undefined, { ref: false })]);
  for (const pid of rest) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}

async function post(url: string, body: unknown, accept = 'image/png'): Promise<Buffer> {
  const headers = { 'content-type': 'application/json', accept };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** Stylograph as `npm start` runs it, with worker, private Redis and log; ready when `path` answers. */
export async function startStylograph(dataDir: string, path = '/health/ready'): Promise<Server> {
  const port = await freePort();
  const preload = new URL('./event-loop.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', preload, join(ROOT, 'dist', 'bin', 'server.js')], {
    env: { ...process.env, PORT: String(port), DATA_DIR: dataDir, DEMO: '0', HOST: '127.0.0.1' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(child, `${url}${path}`, 'Stylograph');
  return {
    name: 'Stylograph',
    url,
    pid: child.pid!,
    generate: { url: `${url}/generate?label=3`, method: 'GET' },
    decode: ({ latent, label }) => post(`${url}/decode`, { latents: [{ latent, label }] }),
    resetDelay: () => void child.send('reset'),
    readDelay: async () => {
      const answered = once(child, 'message');
      child.send('read');
      return (await answered)[0] as { p50: number; p99: number };
    },
    stop: () => endGroup(child),
  };
}

interface PeerOptions {
  python: string;
  weights: string;
  name: string;
  program: string;
  /** Command-line arguments after weights and port. */
  settings: (string | number)[];
  endpoints: { generate(url: string): Target; decode: string };
}

async function startPeer({
  python,
  weights,
  name,
  program,
  settings,
  endpoints,
}: PeerOptions): Promise<Server> {
  const port = await freePort();
  const child = spawn(python, [join(PEERS, program), weights, String(port), ...settings.map(String)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(child, `${url}/health`, name);
  return {
    name,
    url,
    pid: child.pid!,
    generate: endpoints.generate(url),
    decode: (latent) => post(`${url}${endpoints.decode}`, latent),
    stop: () => endGroup(child),
  };
}

const FASTAPI = {
  generate: (url: string): Target => ({ url: `${url}/generate?label=3`, method: 'GET' }),
  decode: '/decode',
};
const LITSERVE = {
  generate: (url: string): Target => ({ url: `${url}/predict`, method: 'POST', body: '{"label":3}' }),
  decode: '/predict',
};

/** Starters of the peers, with the settings that served best (see README.md). */
export function peerStarters(python: string, weights: string): (() => Promise<Server>)[] {
  const cores = availableParallelism();
  const common = { python, weights };
  return [
    () =>
      startPeer({
        ...common,
        name: 'FastAPI + PyTorch, one process',
        program: 'fastapi_server.py',
        settings: [1, cores],
        endpoints: FASTAPI,
      }),
    () =>
      startPeer({
        ...common,
        name: 'FastAPI + PyTorch, one process per core',
        program: 'fastapi_server.py',
        settings: [cores, 1],
        endpoints: FASTAPI,
      }),
    () =>
      startPeer({
        ...common,
        name: 'LitServe + PyTorch, batching',
        program: 'litserve_server.py',
        settings: [cores, Math.max(1, cores - 1), 32, 2],
        endpoints: LITSERVE,
      }),
  ];
}
