import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/lib/port.ts';

const SERVER = fileURLToPath(new URL('../../dist/bin/server.js', import.meta.url));

/** A Redis on a TCP port, as several machines would share it. */
export async function startNetworkRedis(t: TestContext, folder: string): Promise<string> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn(
    process.env.REDIS_SERVER!,
    [...args, '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'],
    { stdio: 'ignore' },
  );
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return `redis://127.0.0.1:${port}`;
}

export interface Machine {
  process: ChildProcess;
  /** Whether it has a run process. */
  isTraining(): boolean;
  /** Kills all its processes, like a power failure. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Processes with the folder in their environment. */
function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DATA_DIR=${folder}`);
      } catch {
        return false;
      }
    });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Starts a worker as on a separate machine: it shares only Redis and the bucket with the others. */
export async function startWorkerMachine(folder: string, env: Record<string, string>): Promise<Machine> {
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, ...env, ROLE: 'worker', DATA_DIR: folder, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      if (printed.includes('waiting for runs')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
  });
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const machine: Machine = {
    process: child,
    isTraining: () => processesOf(folder).some((pid) => commandOf(pid).includes(join('children', 'run'))),
    kill: async () => {
      for (const pid of processesOf(folder)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended already.
        }
      }
      if (!isOver()) await once(child, 'exit');
    },
    stop: async () => {
      if (isOver()) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
  return machine;
}
