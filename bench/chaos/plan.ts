import { Random } from './random.ts';

export interface Step {
  number: number;
  name: string;
  /** Milliseconds before the step. */
  pause: number;
  /** Random numbers of the step itself, so that the plan does not depend on what it finds. */
  random: Random;
}

/** Pauses between disturbances in milliseconds. Some are shorter than a recovery. */
const PAUSE = { least: 500, most: 9_000 };

/**
 * The endless order of disturbances of a seed: each once in random order, then at random by weight. The plan is
 * reproducible; the state that a disturbance meets is not.
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
