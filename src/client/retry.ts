import { StylographProblem } from './errors.ts';

/** Pauses double from the first to the longest. Each is drawn from its upper half, so clients do not retry in step. */
const FIRST_MS = 400;
const LONGEST_MS = 8_000;
/** When the server asks for a longer pause, the call fails instead. */
const MOST_PATIENCE_MS = 60_000;

/** The server refused before doing anything. */
const REFUSED = new Set([429, 503]);
/** Temporary failures. 507 (the disk is full) is not one. */
const TEMPORARY = new Set([408, 500, 502, 504]);

/** The pause before attempt `attempt + 1`. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return full / 2 + (random() * full) / 2;
}

/**
 * Milliseconds to wait before a retry, or undefined when the call must not be retried.
 * @param repeatable whether the call is idempotent
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
        (repeatable && (TEMPORARY.has(status) || (status === 409 && retryAfterMs !== undefined)));
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
