import { join } from 'node:path';
import { StylographError } from '../core/errors.ts';

/** Each part starts with a letter or digit, which rules out `.`, `..`, hidden names and absolute paths. */
const PART = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$/;

/**
 * Joins a store path such as `runs/run_…/checkpoints` to the root.
 * @throws validation_failed when the path could leave the root.
 */
export function resolveInside(root: string, path: string): string {
  if (!path.split('/').every((part) => PART.test(part))) {
    throw new StylographError(
      'validation_failed',
      `"${path}" is not a name the store accepts; use letters, digits, ".", "_", "@" and "-" only.`,
    );
  }
  return join(root, path);
}
