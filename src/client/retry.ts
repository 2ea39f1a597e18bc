import { StylographProblem } from './errors.ts';

/** Pauses double from the first to the longest, each drawn from its upper half, so that clients do not return in step. */
const FIRST_MS = 400;
const LONGEST_MS = 8_000;
/** A server that asks for more than this is not waited for: the caller is told. */
const MOST_PATIENCE_MS = 60_000;

/** Refused before anything was done. */
const REFUSED = new Set([429, 503]);
/** Failed on the way, so that asking again may help. 507 (the disk is full) is none of them. */
const PASSING = new Set([408, 500, 502, 504]);

/** A pause before attempt `attempt + 1`. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return full / 2 + (random() * full) / 2;
}

/**
 * Milliseconds to wait before the call is made again, or undefined when it should not be.
 * @param repeatable doing it twice is the same as doing it once
 */
export function retryPause(
  problem: StylographProblem,
  attempt: number,
  { retries, repeatable }: { retries: number; repeatable: boolean },
): number | undefined {
  const { status, code, retryAfterMs } = problem;
  if (attempt > retries) return undefined;
  const isSafe =
    status === undefined
      ? repeatable && (code === 'unreachable' || code === 'timeout')
      : REFUSED.has(status) ||
        (repeatable && (PASSING.has(status) || (status === 409 && retryAfterMs !== undefined)));
  if (!isSafe || (retryAfterMs ?? 0) > MOST_PATIENCE_MS) return undefined;
  return Math.max(retryAfterMs ?? 0, backoffMs(attempt));
}

/** Waits, or throws the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

export const isProblem = (error: unknown): error is StylographProblem => error instanceof StylographProblem;
