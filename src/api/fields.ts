import type { FieldError } from '../core/errors.ts';

/** A mistake as zod tells it. */
interface Issue {
  path?: PropertyKey[];
  code?: string;
  message: string;
  keys?: string[];
  errors?: Issue[][];
}

/**
 * One line a mistake: unknown fields one by one, and for a union the form that fitted best.
 * @param prefix the part of the request that the issues are of, as clients know it: `body` or `query`
 */
export const fieldErrorsOf = (issues: readonly unknown[], prefix: string): FieldError[] =>
  (issues as readonly Issue[]).flatMap((issue) => flatten(issue, prefix));

function flatten(issue: Issue, prefix: string): FieldError[] {
  const path = [prefix, ...(issue.path ?? [])].map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => ({ path: `${path}.${key}`, message: 'is not known here' }));
  }
  if (issue.code === 'invalid_union' && issue.errors?.length) {
    const depth = (issues: Issue[]): number => Math.max(0, ...issues.map((inner) => inner.path?.length ?? 0));
    const best = issue.errors.reduce((a, b) => (depth(b) > depth(a) ? b : a));
    if (depth(best) > 0) return best.flatMap((inner) => flatten(inner, path));
    const messages = new Set(issue.errors.flatMap((issues) => issues.map(({ message }) => message)));
    return [{ path, message: [...messages].join(', or ') }];
  }
  return [{ path, message: issue.message }];
}
