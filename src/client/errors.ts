import type { Problem } from './types.ts';

interface Facts {
  code: string;
  status?: number | undefined;
  title?: string | undefined;
  errors?: Problem['errors'] | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/**
 * A failed call. `code` is stable; `message` says what is wrong and what to do. The client adds three codes to the server's:
 * `unreachable` (no connection), `timeout` (no answer in time), `not_stylograph` (the answer is not Stylograph's).
 */
export class StylographProblem extends Error {
  override readonly name = 'StylographProblem';
  readonly code: string;
  /** HTTP status; undefined without an answer. */
  readonly status: number | undefined;
  readonly title: string | undefined;
  /** The wrong fields of the request, for `validation_failed`. */
  readonly errors: Problem['errors'];
  /** Milliseconds that the server asks to wait before another attempt. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: Facts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.status = facts.status;
    this.title = facts.title;
    this.errors = facts.errors;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110, 10.2.3). */
export function retryAfterOf(headers: Headers, now = Date.now()): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** The problem in an error response, from its problem+json body if it has one. */
export async function problemOf(response: Response, url: string): Promise<StylographProblem> {
  const { status, headers } = response;
  const retryAfterMs = retryAfterOf(headers);
  const text = await response.text().catch(() => '');
  if (headers.get('content-type')?.startsWith('application/problem+json')) {
    const { code, detail, title, errors } = JSON.parse(text) as Problem;
    return new StylographProblem(detail, { code, title, errors, status, retryAfterMs });
  }
  return new StylographProblem(
    `${url} answered ${status}, but not as Stylograph does. Check the address and any proxy in between.`,
    { code: 'not_stylograph', status, retryAfterMs },
  );
}

/** The problem of a call without an answer. */
export function connectionProblem(error: unknown, url: string, timeoutMs: number): StylographProblem {
  if ((error as Error | undefined)?.name === 'TimeoutError') {
    return new StylographProblem(`${url} did not answer within ${timeoutMs / 1000} s.`, {
      code: 'timeout',
      cause: error,
    });
  }
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  const reason = cause?.code ?? cause?.message ?? (error as Error).message;
  return new StylographProblem(
    `${url} cannot be reached (${reason}). Start a server with "npm start", or use another address.`,
    { code: 'unreachable', cause: error },
  );
}
