import { setTimeout as sleep } from 'node:timers/promises';
import { DISTURBANCES, type Scene } from './disturbances.ts';
import { InferenceLoad } from './load.ts';
import { Losses } from './losses.ts';
import { openPlace, type Place } from './place.ts';
import { plan } from './plan.ts';
import { compare, type Finished, WatchedRun } from './runs.ts';

export interface ChaosOptions {
  folder: string;
  minutes: number;
  seed: string;
  /** Iterations per run. */
  iterations: number;
  /** Seconds. */
  longestAway: number;
  /** Names of disturbances; default all. */
  only: readonly string[] | undefined;
  say(text: string): void;
}

export interface ChaosReport {
  seed: string;
  minutes: number;
  disturbances: Record<string, { tried: number; done: number }>;
  requests: InferenceLoad['counts'];
  /** Digest of the weights of the undisturbed run. */
  reference: string | undefined;
  runs: { id: string; digest: string | undefined; deaths: number; agrees: boolean }[];
  lost: string[];
}

/** Trains one run after another until time is up, and compares each with the undisturbed run. */
class Runs {
  readonly done: ChaosReport['runs'] = [];
  current!: WatchedRun;
  readonly #place: Place;
  readonly #losses: Losses;
  readonly #reference: Finished;
  readonly #order: { iterations: number; seed: number };

  constructor(
    place: Place,
    losses: Losses,
    reference: Finished,
    order: { iterations: number; seed: number },
  ) {
    this.#place = place;
    this.#losses = losses;
    this.#reference = reference;
    this.#order = order;
  }

  async start(): Promise<void> {
    this.current = await WatchedRun.start(this.#place, this.#losses, this.#order);
  }

  /** Continues until `isOver`, then to the end of the current run. */
  async keepGoing(isOver: () => boolean): Promise<void> {
    for (;;) {
      const finished = await this.current.finished;
      const { id, deaths, outcome } = finished;
      const agrees = compare(this.#reference.outcome, finished, this.#losses);
      this.done.push({ id, digest: outcome.digest, deaths, agrees });
      if (isOver()) return;
      await this.start();
    }
  }
}

/** Disturbs a separate deployment for some minutes. Losses do not throw; they are in the report. */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const { folder, minutes, seed, iterations, longestAway, say } = options;
  const begun = Date.now();
  const clock = (): string => `${((Date.now() - begun) / 1000).toFixed(1).padStart(7)} s`;
  const losses = new Losses((text) => say(`${clock()}  ${text}`));
  const place = await openPlace(folder);
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => void place.close().then(() => process.exit(1)));
  }
  const names = options.only ?? Object.keys(DISTURBANCES);
  const disturbances = Object.fromEntries(names.map((name) => [name, { tried: 0, done: 0 }]));
  const report: ChaosReport = {
    ...{ seed, minutes: 0, disturbances, requests: { pictures: 0, refused: 0, unanswered: 0 } },
    ...{ reference: undefined, runs: [], lost: [] },
  };
  try {
    say(`${clock()}  one undisturbed run ...`);
    const order = { iterations, seed: 7 };
    const reference = await (await WatchedRun.start(place, losses, order)).finished;
    report.reference = reference.outcome.digest;
    losses.unless(
      reference.outcome.state === 'succeeded',
      `the undisturbed run ended ${reference.outcome.state}`,
    );
    const load = new InferenceLoad(place, losses, await modelOf(place));
    load.start();

    const runs = new Runs(place, losses, reference, order);
    await runs.start();
    const end = Date.now() + minutes * 60_000;
    const isOver = (): boolean => Date.now() >= end;
    const going = runs.keepGoing(isOver);
    going.catch((error: unknown) =>
      losses.add(`a run could not be followed to its end: ${(error as Error).message}`),
    );
    const weights = Object.fromEntries(names.map((name) => [name, DISTURBANCES[name]!.weight]));
    for (const { name, number, pause, random } of plan(seed, weights)) {
      await sleep(pause);
      if (isOver()) break;
      const scene: Scene = { place, losses, random, run: runs.current, longestAway };
      const tally = disturbances[name]!;
      tally.tried++;
      const done = await DISTURBANCES[name]!.act(scene).catch((error: unknown) => {
        losses.add(`"${name}": ${(error as Error).message}`);
        return undefined;
      });
      if (done !== undefined) tally.done++;
      say(`${clock()}  ${number}. ${name}: ${done ?? 'nothing to disturb'}`);
    }
    say(`${clock()}  the last run continues undisturbed ...`);
    await going.catch(() => undefined);
    await load.stop();
    report.runs = runs.done;
    report.requests = load.counts;
  } finally {
    const left = await place.close();
    for (const process of left) losses.add(`still running: ${process}`);
  }
  return { ...report, minutes: (Date.now() - begun) / 60_000, lost: losses.all };
}

async function modelOf({ client }: Place): Promise<string> {
  return (await client.models.get('latest', { retries: 8 })).id;
}
