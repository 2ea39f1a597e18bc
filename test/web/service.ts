import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../../dist/bin/server.js', import.meta.url));

export interface Service {
  url: string;
  /** Ends it as Ctrl-C would. */
  stop(): Promise<void>;
}

/** The whole service on a data folder, as `npm start` runs it, from the build that `npm test` has just made. */
export async function startService(dataDir: string, env: Record<string, string> = {}): Promise<Service> {
  const child: ChildProcess = spawn(process.execPath, [SERVER], {
    env: { ...process.env, PORT: '0', DATA_DIR: dataDir, DEMO: '0', LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (chunk) => {
      printed += chunk;
      const found = /(http:\/\/127\.0\.0\.1:\d+)\//.exec(printed);
      if (found && printed.endsWith('\n\n')) resolve(found[1]!);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { url, stop };
}
