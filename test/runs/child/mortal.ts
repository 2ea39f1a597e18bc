/** When a life ends: at its n-th step, before anything of it is done or once all of it is. */
export interface Death {
  step: number;
  when: 'before' | 'after';
}

/**
 * One life of a process, as far as others can see it: every call of what it was given is a step. From the step of its
 * death on nothing it does has an effect, and it hears of nothing any more.
 */
export class Life {
  /** Steps so far, by name. */
  readonly steps: string[] = [];
  /** Resolves at its death. */
  readonly died: Promise<void>;
  readonly #death: Death | undefined;
  readonly #underway = new Set<Promise<unknown>>();
  #dead = false;
  #die!: () => void;

  constructor(death?: Death) {
    this.#death = death;
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  /** The same object, whose asynchronous methods are steps. */
  through<T extends object>(name: string, object: T): T {
    return new Proxy(object, {
      get: (target, key) => {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.step(`${name}.${String(key)}`, () => value.apply(target, args));
      },
    });
  }

  /** One step. Resolves never once the life is over. */
  async step<T>(name: string, act: () => T | Promise<T>): Promise<T> {
    const silence = new Promise<never>(() => undefined);
    if (this.#dead) return await silence;
    this.steps.push(name);
    const isLast = this.steps.length === this.#death?.step;
    if (isLast && this.#death?.when === 'before') return await this.#end(silence);
    const work = Promise.resolve(act());
    this.#underway.add(work);
    const done = await work.finally(() => this.#underway.delete(work));
    return isLast || this.#dead ? await this.#end(silence) : done;
  }

  async #end(silence: Promise<never>): Promise<never> {
    this.#dead = true;
    // What was handed to the system before the death may still be done; what asks on the way gets no answer.
    await Promise.race([
      Promise.allSettled(this.#underway),
      new Promise((resolve) => setTimeout(resolve, 100)),
    ]);
    this.#die();
    return await silence;
  }
}
