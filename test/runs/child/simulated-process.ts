/** When a process crashes: before a step has any effect, or after it is complete. */
export interface Crash {
  /** The name of the step. */
  step: string;
  /** Counts the steps of that name, from 1. */
  occurrence: number;
  when: 'before' | 'after';
}

/**
 * A process as other processes see it: every call of an object that it uses is a step. After its crash, its calls have no
 * effect and never return.
 */
export class SimulatedProcess {
  /** The steps so far, by name. */
  readonly steps: string[] = [];
  /** Resolves when it crashes. */
  readonly crashed: Promise<void>;
  readonly #crash: Crash | undefined;
  readonly #pending = new Set<Promise<unknown>>();
  #dead = false;
  #resolveCrashed!: () => void;

  constructor(crash?: Crash) {
    this.#crash = crash;
    this.crashed = new Promise((resolve) => {
      this.#resolveCrashed = resolve;
    });
  }

  /**
   * The same object, with each call of a method as a step. Only asynchronous methods may be called.
   * @param detail completes the name of a step from the method's arguments
   */
  wrap<T extends object>(name: string, object: T, detail: (...args: unknown[]) => string = () => ''): T {
    return new Proxy(object, {
      get: (target, key) => {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          this.step(`${name}.${String(key)} ${detail(...args)}`.trim(), () => value.apply(target, args));
      },
    });
  }

  async step<T>(name: string, act: () => T | Promise<T>): Promise<T> {
    const never = new Promise<never>(() => undefined);
    if (this.#dead) return await never;
    this.steps.push(name);
    const isLast = name === this.#crash?.step && occurrences(this.steps, name) === this.#crash.occurrence;
    if (isLast && this.#crash?.when === 'before') return await this.#end(never);
    const call = Promise.resolve(act());
    this.#pending.add(call);
    const result = await call.finally(() => this.#pending.delete(call));
    return isLast || this.#dead ? await this.#end(never) : result;
  }

  async #end(never: Promise<never>): Promise<never> {
    this.#dead = true;
    // Calls made before the crash may still complete. Calls that need further steps do not.
    await Promise.race([
      Promise.allSettled(this.#pending),
      new Promise((resolve) => setTimeout(resolve, 100)),
    ]);
    this.#resolveCrashed();
    return await never;
  }
}

/** How often a name occurs. */
export const occurrences = (steps: readonly string[], name: string): number =>
  steps.filter((step) => step === name).length;
