import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../../dist/bin/server.js', import.meta.url));

export interface Service {
  url: string;
  printed(): string;
  /** Stops it with SIGTERM and returns the exit code. */
  stop(): Promise<number | null>;
  process: ChildProcess;
}

/** Starts the server process and does not wait until it is ready. */
export function spawnServer(folder: string, env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [SERVER], {
    env: { ...process.env, PORT: '0', DATA_DIR: folder, DEMO: '0', LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/**
 * Starts the whole service as `npm start` does: server, worker, run child, inference child and a private Redis, from the
 * build that `npm test` made.
 */
export async function startServiceIn(folder: string, env: Record<string, string> = {}): Promise<Service> {
  const child = spawnServer(folder, env);
  let printed = '';
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
    if (String(chunk).includes('still ending')) process.stderr.write(chunk);
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (chunk) => {
      printed += chunk;
      const found = /(http:\/\/(?:127\.0\.0\.1|0\.0\.0\.0):\d+)\//.exec(printed);
      if (found && printed.endsWith('\n\n')) resolve(found[1]!);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${errors}`)));
  });
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    return child.exitCode;
  };
  return { url, printed: () => printed, stop, process: child };
}
