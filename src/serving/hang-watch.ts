import { processStat } from '../platform/processes/proc.ts';

/** A process hangs when it makes no progress in this many consecutive checks. */
const CHECKS = 8;
const CHECK_INTERVAL_MS = 100;

/** What the parent waits for: an answer needs only processor time, a load may also wait for files. */
export type Expected = 'answer' | 'load' | undefined;

/**
 * Calls `onHang` when a process that the parent waits for is stopped, or uses no processor time before an answer. A slow
 * process on a busy machine still uses some. Checks are counted instead of time, so that a pause of this process or of
 * the machine is not mistaken for a hang.
 *
 * @returns a function that ends the watch
 */
export function watchForHang(
  pid: number,
  expected: () => Expected,
  onHang: (symptom: string) => void,
): () => void {
  let idleChecks = 0;
  let lastTicks = -1;
  const timer = setInterval(() => {
    const waitingFor = expected();
    const stat = waitingFor && processStat(pid);
    if (!stat) {
      idleChecks = 0;
      return;
    }
    const isStopped = stat.state === 'T' || stat.state === 't';
    const isIdle = waitingFor === 'answer' && stat.cpuTicks === lastTicks && stat.state !== 'D';
    idleChecks = isStopped || isIdle ? idleChecks + 1 : 0;
    lastTicks = stat.cpuTicks;
    if (idleChecks >= CHECKS) {
      onHang(isStopped ? 'it was stopped' : `no answer, and idle for ${CHECKS * CHECK_INTERVAL_MS} ms`);
    }
  }, CHECK_INTERVAL_MS).unref();
  return () => clearInterval(timer);
}
