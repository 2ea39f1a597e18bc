import { readFileSync } from 'node:fs';

export interface ProcessStat {
  /** One letter: R running, S sleeping, D waiting for a disk, T stopped, Z ended but not yet reaped … */
  state: string;
  /** Processor time so far, in clock ticks. */
  cpuTicks: number;
  /** When the process started, in clock ticks since boot; with the process id it identifies the process. */
  startTime: string;
}

/** Reads /proc/PID/stat (proc_pid_stat(5)). @returns undefined without such a process, or without /proc */
export function processStat(pid: number): ProcessStat | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name, in parentheses, may contain spaces. The state is field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0]!,
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    startTime: fields[19]!,
  };
}

/** Distinguishes a process from a later one with the same id. @returns as `processStat` */
export const startTimeOf = (pid: number): string | undefined => processStat(pid)?.startTime;

/** Resident memory in bytes. @returns as `processStat` */
export function residentBytesOf(pid: number): number | undefined {
  const kibibytes = /^VmRSS:\s*(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/**
 * Whether a process has this id and has not ended.
 *
 * @param whose `ours` counts only processes that this one may signal
 */
export function isAlive(pid: number, whose: 'ours' | 'anyone'): boolean {
  // 0 and negative numbers address process groups.
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return whose === 'anyone' && (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return processStat(pid)?.state !== 'Z';
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
