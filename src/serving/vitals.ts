import { readFileSync } from 'node:fs';

/** What the kernel tells of a process. */
export interface Vitals {
  /** One letter: R running, S waiting, D waiting for a disk, T stopped, Z ended … */
  state: string;
  /** Processor time so far, in the kernel's ticks. */
  ticks: number;
}

/** Undefined when there is no such process, or no /proc. */
export function vitalsOf(pid: number): Vitals | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}

/** Resident memory in bytes; undefined as above. */
export function residentBytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** How often it is looked, and how many looks in a row must find nothing done. */
const LOOK_MS = 100;
const LOOKS = 8;

/** What somebody waits for: an answer, which takes nothing but computing, or a load, which may wait for files. */
export type Expected = 'answer' | 'load' | undefined;

/**
 * Watches over a process that somebody waits for, and tells when it hangs: stopped, or without an answer though it does
 * not compute. A slow one on a busy machine still computes. Time is counted in looks, so that a pause of this very
 * process, or of the machine, is not taken for one of the other.
 *
 * @returns what ends the watch
 */
export function watchForHang(
  pid: number,
  expected: () => Expected,
  onHang: (how: string) => void,
): () => void {
  let idle = 0;
  let ticks = -1;
  const timer = setInterval(() => {
    const what = expected();
    const vitals = what && vitalsOf(pid);
    if (!vitals) {
      idle = 0;
      return;
    }
    const isStopped = vitals.state === 'T' || vitals.state === 't';
    const isIdle = what === 'answer' && vitals.ticks === ticks && vitals.state !== 'D';
    idle = isStopped || isIdle ? idle + 1 : 0;
    ticks = vitals.ticks;
    if (idle >= LOOKS) onHang(isStopped ? 'it was stopped' : `no answer, and idle for ${LOOKS * LOOK_MS} ms`);
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}
