import { errorCodeOf, StylographError } from '../../core/errors.ts';
import { SettingsProblem } from '../../platform/settings/settings.ts';

const DEADLINE_MS = 30_000;
/** A part that takes longer than this to end is named. */
const SLOW_STOP_MS = 5_000;

/** Ends one part; called in the reverse order of starting. */
interface Stop {
  what: string;
  end: () => Promise<unknown>;
}

/** What a process has started, and its end. */
export class Shutdown {
  readonly #stops: Stop[] = [];
  #ending: Promise<void> | undefined;

  get hasBegun(): boolean {
    return this.#ending !== undefined;
  }

  /** To be called as soon as there is something to end, before anything is awaited. */
  add(what: string, end: () => Promise<unknown>): void {
    this.#stops.push({ what, end });
  }

  /** What `step` gives, unless the end has begun meanwhile: nothing more is started then. @throws shutting_down */
  async unlessBegun<T>(step: Promise<T>): Promise<T> {
    const result = await step;
    if (this.hasBegun) throw new StylographError('shutting_down', 'This process is told to end.');
    return result;
  }

  /** Ends everything in the reverse order of starting, whatever fails on the way, and then the process. */
  begin(code: number): Promise<void> {
    this.#ending ??= this.#end(code);
    return this.#ending;
  }

  async #end(code: number): Promise<void> {
    setTimeout(() => process.exit(code || 1), DEADLINE_MS).unref();
    // One by one, so that what is added meanwhile is ended too.
    for (let stop = this.#stops.pop(); stop !== undefined; stop = this.#stops.pop()) {
      const { what, end } = stop;
      const slow = setTimeout(
        () => process.stderr.write(`stylograph: still ending ${what} ...\n`),
        SLOW_STOP_MS,
      );
      await end().catch((error: unknown) => process.stderr.write(`stylograph: ${describe(error)}\n`));
      clearTimeout(slow);
    }
    process.exit(code);
  }
}

/** An error for the terminal: its message if it is meant for users, else all of it. */
export function describe(error: unknown): string {
  const known = error instanceof SettingsProblem || errorCodeOf(error) !== undefined;
  return known ? (error as Error).message : ((error as Error).stack ?? String(error));
}
