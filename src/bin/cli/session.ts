import { type Backend, openBackend, type PlaceOptions } from './backend.ts';
import { Output, type OutputOptions } from './output.ts';
import { describeError, Ended, EXIT, UsageProblem } from './problems.ts';

export type CommonOptions = PlaceOptions & OutputOptions;

/** What a command uses. */
export interface Session {
  output: Output;
  /** Aborts when the user interrupts the command, unless the command handles the interruption. */
  signal: AbortSignal;
  /** Opens the server or data folder on the first call. @param creates whether a missing folder is created */
  backend(options?: { creates: boolean }): Promise<Backend>;
  /** Calls `handler` on Ctrl-C until the returned function is called. */
  onInterrupt(handler: () => void): () => void;
}

/** Runs a command with the options that were read from the command line. */
export type Execute = (options: CommonOptions, command: (session: Session) => Promise<void>) => Promise<void>;

/** How long an interrupted command may take to end. */
const INTERRUPT_LIMIT_MS = 3_000;

/** Runs one command and reports its errors. @returns the exit code */
export async function runCommand(
  options: CommonOptions,
  command: (session: Session) => Promise<void>,
): Promise<number> {
  const output = new Output(options);
  const stop = new AbortController();
  let handler: (() => void) | undefined;
  let opened: Promise<Backend> | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (handler) {
      handler();
      return;
    }
    const code = signal === 'SIGTERM' ? 143 : EXIT.interrupted;
    if (stop.signal.aborted) process.exit(code);
    stop.abort(new Ended(code));
    setTimeout(() => process.exit(code), INTERRUPT_LIMIT_MS).unref();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  let onLost = (_: Error): void => undefined;
  const lost = new Promise<never>((_, reject) => {
    onLost = reject;
  });
  lost.catch(() => undefined);
  try {
    const working = command({
      output,
      signal: stop.signal,
      backend: (how) => {
        opened ??= openBackend(options, output, { ...how, onLost });
        return opened;
      },
      onInterrupt: (next) => {
        handler = next;
        return () => {
          handler = undefined;
        };
      },
    });
    // When the place is lost, the command may fail later, and nothing waits for it any more.
    working.catch(() => undefined);
    await Promise.race([working, lost]);
    return 0;
  } catch (error) {
    return reportError(output, error);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await opened?.then((backend) => backend.close()).catch(() => undefined);
  }
}

/** Prints an error on standard error. @returns the exit code for it */
function reportError(output: Output, error: unknown): number {
  if (error instanceof Ended) return error.exitCode;
  const report = describeError(error);
  if (output.json) process.stderr.write(`${JSON.stringify({ error: report })}\n`);
  else {
    output.warn(`${output.paintError.red('stylograph:')} ${report.message}`);
    const listed = report.errors?.filter(({ message }) => !report.message.includes(message)) ?? [];
    for (const { path, message } of listed) output.warn(`  ${path}: ${message}`);
  }
  return error instanceof UsageProblem ? EXIT.usage : EXIT.failure;
}
