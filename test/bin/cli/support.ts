import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The command line as it was built by `npm test`. */
const PROGRAM = fileURLToPath(new URL('../../../dist/bin/stylograph.js', import.meta.url));

/** Networks of a few kilobytes and a few short steps. */
export const TINY = [
  ['iterations', '60'],
  ['warmupIterations', '10'],
  ['batchSize', '8'],
  ['latentDim', '2'],
  ['networks', '{"encoder":[4,4,8],"decoder":[8,4,4],"discriminator":[4,4,4]}'],
  ['metricsEvery', '10'],
  ['checkpointEvery', '1000'],
  ['sampleEvery', '30'],
  ['figures.frames', '0'],
].flatMap(([key, value]) => ['--set', `${key}=${value}`]);

export interface Finished {
  code: number | null;
  out: string;
  bytes: Buffer;
  err: string;
}

export interface Started {
  process: ChildProcess;
  /** What it has written to standard output so far. */
  out(): string;
  finished: Promise<Finished>;
}

/** Starts a command with pipes in place of a terminal. */
export function start(
  args: readonly string[],
  env: Record<string, string> = {},
  input?: Uint8Array,
): Started {
  const { STYLOGRAPH_URL: _, STYLOGRAPH_API_KEY: __, DATA_DIR: ___, ...clean } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...clean, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  let err = '';
  child.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  child.stdin!.end(input);
  const finished = once(child, 'close').then(([code]) => {
    const bytes = Buffer.concat(out);
    return { code: code as number | null, out: bytes.toString('utf8'), bytes, err };
  });
  return { process: child, out: () => Buffer.concat(out).toString('utf8'), finished };
}

export const run = (...args: Parameters<typeof start>): Promise<Finished> => start(...args).finished;

/** A folder that is gone when the test is. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'stylograph-cli-'));
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return path;
}

/** The documents of a stream of JSON lines. */
// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what the tests assert of them
export const lines = (out: string): any[] =>
  out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
