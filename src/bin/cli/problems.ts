/** What the shell is told: 0 is success. */
export const EXIT = { failure: 1, usage: 2, interrupted: 130 } as const;

/** A command that was called in a way that cannot work. */
export class UsageProblem extends Error {
  override readonly name = 'UsageProblem';
}

/** Ends a command with an exit code and nothing more to say: it has been said. */
export class Ended extends Error {
  override readonly name = 'Ended';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

interface Told {
  code: string;
  message: string;
  errors?: { path: string; message: string }[] | undefined;
}

/** What is told of an error; one without a code of ours is a bug, or the machine's own. */
export function describeError(error: unknown): Told {
  const { code, message, errors, stack } = error as Partial<Told> & { stack?: string };
  if (error instanceof UsageProblem) return { code: 'usage', message: error.message };
  if (typeof code === 'string' && message !== undefined) return { code, message, errors };
  return { code: 'internal', message: stack ?? message ?? String(error) };
}
