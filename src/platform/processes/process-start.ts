import { readFileSync } from 'node:fs';

/**
 * When a process began, in the kernel's ticks: tells it from a later one that was given the same number. Undefined
 * when there is no such process.
 */
export function startOfProcess(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')')).split(' ')[20];
  } catch {
    return undefined;
  }
}
