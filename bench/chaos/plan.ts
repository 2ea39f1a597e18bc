import { Random } from './random.ts';

export interface Step {
  number: number;
  name: string;
  /** Milliseconds before it. */
  pause: number;
  /** What it draws while it acts; of its own, so that the plan does not depend on what it finds. */
  random: Random;
}

/** Pauses between two disturbances, in milliseconds: some fall into one another's wake, some do not. */
const PAUSE = { least: 500, most: 9_000 };

/**
 * What is done in which order, from a seed: everything once in random order, then at random by weight, without end. The
 * plan is the same for the same seed; what a disturbance meets is not.
 */
export function* plan(seed: string, weights: Record<string, number>): Generator<Step, never> {
  const random = new Random(`plan:${seed}`);
  const names = Object.keys(weights);
  const lots = names.flatMap((name) => Array<string>(weights[name]!).fill(name));
  const first = random.shuffle(names);
  for (let number = 1; ; number++) {
    const name = first.shift() ?? random.pick(lots);
    const pause = random.between(PAUSE.least, PAUSE.most);
    yield { number, name, pause, random: new Random(`step:${seed}:${number}`) };
  }
}
