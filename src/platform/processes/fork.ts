import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What TensorFlow prints at every start, before its log level is in force; it tells the reader nothing. */
const ENGINE_GREETING = /absl::InitializeLog\(\)|oneDNN custom operations are on/;

/** Passes on what a child prints to its piped standard error, line by line, without TensorFlow's greeting. */
export function forwardComplaints(child: ChildProcess, heard?: (line: string) => void): void {
  if (!child.stderr) return;
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (ENGINE_GREETING.test(line)) return;
    process.stderr.write(`${line}\n`);
    heard?.(line);
  });
}

/**
 * Starts a process of its own, at low priority, for work that would hold a server up; its complaints are passed on.
 *
 * @param base the caller's `import.meta.url`
 * @param name the child's module beside it, without extension; from source it gets the TypeScript loader, also where the parent got it in
 *   another way
 */
export function forkAside(base: string, name: string): ChildProcess {
  const isSource = base.endsWith('.ts');
  const child = fork(fileURLToPath(new URL(`${name}${isSource ? '.ts' : '.js'}`, base)), {
    execArgv: isSource ? ['--import', import.meta.resolve('tsx')] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  forwardComplaints(child);
  child.once('spawn', () => setPriority(child.pid!, constants.priority.PRIORITY_BELOW_NORMAL));
  return child;
}
