import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

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
