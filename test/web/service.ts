import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launchBrowser, SKIP } from './browser.ts';

const SERVER = fileURLToPath(new URL('../../dist/bin/server.js', import.meta.url));

export interface Service {
  url: string;
  /** Stops the server with SIGTERM. */
  stop(): Promise<void>;
}

/** Starts the built service on a data folder, as `npm start` does. */
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

/**
 * Registers hooks that start a service on an empty data folder and a browser, and stop both after the tests.
 * @param prepare writes files into the data folder before the start
 */
export function serviceWithBrowser(prepare = async (_folder: string): Promise<void> => undefined): {
  service: Service;
  browser: Browser;
} {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-web-'));
  const running = {} as { service: Service; browser: Browser };
  before(async () => {
    if (SKIP) return;
    await prepare(folder);
    [running.service, running.browser] = await Promise.all([startService(folder), launchBrowser()]);
  });
  after(async () => {
    await running.browser?.close();
    await running.service?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return running;
}
