import { processStat } from '../platform/processes/proc.ts';

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
    const stat = what && processStat(pid);
    if (!stat) {
      idle = 0;
      return;
    }
    const isStopped = stat.state === 'T' || stat.state === 't';
    const isIdle = what === 'answer' && stat.cpuTicks === ticks && stat.state !== 'D';
    idle = isStopped || isIdle ? idle + 1 : 0;
    ticks = stat.cpuTicks;
    if (idle >= LOOKS) onHang(isStopped ? 'it was stopped' : `no answer, and idle for ${LOOKS * LOOK_MS} ms`);
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}
