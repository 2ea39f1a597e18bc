import { errorCodeOf, StylographError } from '../../core/errors.ts';
import { SettingsProblem } from '../../platform/settings/settings.ts';

const DEADLINE_MS = 30_000;
/** A part that takes longer to end is named on standard error. */
const SLOW_STOP_MS = 5_000;

/** Ends one part. */
interface Stop {
  name: string;
  end: () => Promise<unknown>;
}

/** Ends what a process has started. */
export class Shutdown {
  readonly #stops: Stop[] = [];
  #ending: Promise<void> | undefined;

  get hasBegun(): boolean {
    return this.#ending !== undefined;
  }

  /** Call this as soon as a part exists, before the next await. */
  add(name: string, end: () => Promise<unknown>): void {
    this.#stops.push({ name, end });
  }

  /** Awaits a step of the start. @throws shutting_down if the shutdown began meanwhile, so that nothing more is started */
  async unlessBegun<T>(step: Promise<T>): Promise<T> {
    const result = await step;
    if (this.hasBegun) throw new StylographError('shutting_down', 'This process is shutting down.');
    return result;
  }

  /** Ends all parts in reverse order of their start, even if some fail, and then the process. */
  begin(code: number): Promise<void> {
    this.#ending ??= this.#end(code);
    return this.#ending;
  }

  async #end(code: number): Promise<void> {
    setTimeout(() => process.exit(code || 1), DEADLINE_MS).unref();
    // One by one, so that parts added meanwhile end too.
    for (let stop = this.#stops.pop(); stop !== undefined; stop = this.#stops.pop()) {
      const { name, end } = stop;
      const slow = setTimeout(
        () => process.stderr.write(`stylograph: still ending ${name} ...\n`),
        SLOW_STOP_MS,
      );
      await end().catch((error: unknown) => process.stderr.write(`stylograph: ${describe(error)}\n`));
      clearTimeout(slow);
    }
    process.exit(code);
  }
}

/** An error for the terminal: its message if it is meant for users, else the stack. */
export function describe(error: unknown): string {
  const known = error instanceof SettingsProblem || errorCodeOf(error) !== undefined;
  return known ? (error as Error).message : ((error as Error).stack ?? String(error));
}
