/** Exit codes besides 0, success. */
export const EXIT = { failure: 1, usage: 2, interrupted: 130 } as const;

/** The command line is wrong. */
export class UsageProblem extends Error {
  override readonly name = 'UsageProblem';
}

/** Ends a command with an exit code. The command has already printed the reason. */
export class Ended extends Error {
  override readonly name = 'Ended';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

interface ErrorReport {
  code: string;
  message: string;
  errors?: { path: string; message: string }[] | undefined;
}

/** Describes an error. One without a code is a bug or a fault of the machine, so it includes the stack. */
export function describeError(error: unknown): ErrorReport {
  const { code, message, errors, stack } = error as Partial<ErrorReport> & { stack?: string };
  if (error instanceof UsageProblem) return { code: 'usage', message: error.message };
  if (typeof code === 'string' && message !== undefined) return { code, message, errors };
  return { code: 'internal', message: stack ?? message ?? String(error) };
}
