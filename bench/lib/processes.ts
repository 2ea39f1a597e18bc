import { readdirSync, readFileSync } from 'node:fs';

interface ProcessInfo {
  pid: number;
  parent: number;
  command: string;
  /** CPU time so far, all threads. */
  cpuMs: number;
  residentMb: number;
}

const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** One process from /proc; undefined when it has ended. */
function describe(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, can contain spaces.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return {
      pid,
      parent: fields[1]!,
      command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '),
      cpuMs: (fields[11]! + fields[12]!) * TICK_MS,
      residentMb: (fields[21]! * PAGE_BYTES) / 1e6,
    };
  } catch {
    return undefined;
  }
}

/** A process and all its descendants. */
export function processTree(root: number): ProcessInfo[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => describe(Number(name)))
    .filter((info) => info !== undefined);
  const tree = all.filter(({ pid }) => pid === root);
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid));
  return tree;
}
