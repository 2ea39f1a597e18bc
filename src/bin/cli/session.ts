import { type Backend, openBackend, type PlaceOptions } from './backend.ts';
import { Output, type OutputOptions } from './output.ts';
import { describeError, Ended, EXIT, UsageProblem } from './problems.ts';

export type CommonOptions = PlaceOptions & OutputOptions;

/** What a command works with. */
export interface Session {
  output: Output;
  /** Aborts when the user interrupts a command that has no answer of its own to that. */
  signal: AbortSignal;
  /** Opened by the first who asks. @param creates whether a folder that does not exist yet is made */
  backend(options?: { creates: boolean }): Promise<Backend>;
  /** From now on Ctrl-C does this, until the function given back is called. */
  onInterrupt(handler: () => void): () => void;
}

/** Runs a command with the options that were read from the command line. */
export type Execute = (options: CommonOptions, command: (session: Session) => Promise<void>) => Promise<void>;

/** How long an interrupted command may take to end by itself. */
const PATIENCE_MS = 3_000;

/** Runs one command and gives the process's exit code: everything that goes wrong is told here. */
export async function runCommand(
  options: CommonOptions,
  command: (session: Session) => Promise<void>,
): Promise<number> {
  const output = new Output(options);
  const stop = new AbortController();
  let own: (() => void) | undefined;
  let opened: Promise<Backend> | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (own) {
      own();
      return;
    }
    const code = signal === 'SIGTERM' ? 143 : EXIT.interrupted;
    if (stop.signal.aborted) process.exit(code);
    stop.abort(new Ended(code));
    setTimeout(() => process.exit(code), PATIENCE_MS).unref();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    await command({
      output,
      signal: stop.signal,
      backend: (how) => {
        opened ??= openBackend(options, output, how);
        return opened;
      },
      onInterrupt: (handler) => {
        own = handler;
        return () => {
          own = undefined;
        };
      },
    });
    return 0;
  } catch (error) {
    return tell(output, error);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await opened?.then((backend) => backend.close()).catch(() => undefined);
  }
}

/** Says what went wrong on standard error and gives the exit code for it. */
export function tell(output: Output, error: unknown): number {
  if (error instanceof Ended) return error.exitCode;
  const told = describeError(error);
  if (output.json) process.stderr.write(`${JSON.stringify({ error: told })}\n`);
  else {
    output.warn(`${output.paintError.red('stylograph:')} ${told.message}`);
    const listed = told.errors?.filter(({ message }) => !told.message.includes(message)) ?? [];
    for (const { path, message } of listed) output.warn(`  ${path}: ${message}`);
  }
  return error instanceof UsageProblem ? EXIT.usage : EXIT.failure;
}
