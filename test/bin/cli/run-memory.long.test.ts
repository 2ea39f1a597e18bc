import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from '../../../bench/lib/processes.ts';
import { folder, run, start } from './support.ts';

/** The estimate over the measured peak. Between machines peaks differ by threads and instruction sets. */
const BOUNDS = { least: 0.75, most: 1.35 };
const POLL_MS = 50;

/** A process's highest resident memory so far in bytes; 0 when it has ended. */
function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Runs a training command to its end. @returns the highest resident memory of its largest child process, in bytes */
async function peakOfChild(args: string[]): Promise<number> {
  const command = start(args);
  let peak = 0;
  let ended = false;
  const finished = command.finished.finally(() => {
    ended = true;
  });
  while (!ended) {
    const children = processTree(command.process.pid!).slice(1);
    peak = Math.max(peak, ...children.map(({ pid }) => peakOf(pid)));
    await sleep(POLL_MS);
  }
  const { code, err } = await finished;
  assert.equal(code, 0, err);
  return peak;
}

/** In the first, evaluation needs the most memory; in the second, the activations of a training step do. */
const CASES: [string, string[]][] = [
  ['quick with its own batch size', ['--preset', 'quick']],
  ['article with batches of 512', ['--preset', 'article', '--set', 'batchSize=512']],
];

for (const [name, options] of CASES) {
  test(`the estimated memory of a run is close to its measured peak: ${name}`, {
    timeout: 900_000,
    skip: process.platform !== 'linux' && 'peaks are read from /proc',
  }, async (t) => {
    const given = ['--set', 'figures.frames=1', '--iterations', '2', '--seed', '1'];
    const train = ['train', ...options, ...given, '--data', folder(t), '--json'];
    const { estimate } = JSON.parse((await run([...train, '--dry-run'])).out) as {
      estimate: { memoryBytes: number };
    };
    const peak = await peakOfChild(train);
    const ratio = estimate.memoryBytes / peak;
    const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
    t.diagnostic(`estimated ${megabytes(estimate.memoryBytes)}, measured ${megabytes(peak)}`);
    assert.ok(
      ratio >= BOUNDS.least && ratio <= BOUNDS.most,
      `estimated ${megabytes(estimate.memoryBytes)}, measured ${megabytes(peak)}`,
    );
  });
}
