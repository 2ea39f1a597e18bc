import { setTimeout as sleep } from 'node:timers/promises';
import type { Run, StoredEvent, StylographProblem } from '../../src/client/index.ts';
import { isFinished } from '../../src/core/contracts/run.ts';
import type { Losses } from './losses.ts';
import { eventFaults, followingFaults } from './order.ts';
import { differences, type Outcome, outcomeOf, storedEvents } from './outcome.ts';
import type { Place } from './place.ts';

/** A run that takes longer counts as stuck. */
const RUN_LIMIT_MS = 30 * 60_000;
const PATIENCE_MS = 10 * 60_000;

/**
 * Small networks and short intervals, so that a short run has events of every type. Only checkpoints after the warm-up
 * are scored, so most of the run is training.
 */
export const configOf = (iterations: number) => ({
  iterations,
  warmupIterations: Math.ceil(iterations * 0.6),
  batchSize: 8,
  latentDim: 2,
  networks: {
    encoder: [4, 4, 8] as [number, number, number],
    decoder: [8, 4, 4] as [number, number, number],
    discriminator: [4, 4, 4] as [number, number, number],
  },
  metricsEvery: 5,
  checkpointEvery: 20,
  sampleEvery: 60,
  figures: { frames: 4, grid: 3 },
});

/** Retries while the server is disturbed, since every disturbance ends. @throws other errors at once */
export async function patiently<T>(act: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const { status } = error as StylographProblem;
      const isPassing = status === undefined || status >= 500 || status === 429;
      if (!isPassing || Date.now() > deadline) throw error;
      await sleep(300);
    }
  }
}

export interface Finished {
  id: string;
  outcome: Outcome;
  deaths: number;
}

/** Starts a run, follows it to its end like a client, and checks its events. */
export class WatchedRun {
  readonly id: string;
  readonly finished: Promise<Finished>;
  readonly received: StoredEvent[] = [];
  /** Number of received events at each kill of its process. */
  readonly #deaths: number[] = [];
  readonly #place: Place;
  readonly #losses: Losses;

  private constructor(place: Place, losses: Losses, id: string) {
    this.id = id;
    this.#place = place;
    this.#losses = losses;
    this.finished = this.#follow();
    this.finished.catch(() => undefined);
  }

  static async start(
    place: Place,
    losses: Losses,
    { iterations, seed }: { iterations: number; seed: number },
  ): Promise<WatchedRun> {
    const request = { preset: 'quick' as const, seed, config: configOf(iterations), tags: ['chaos'] };
    const idempotencyKey = `chaos-${Date.now()}`;
    const { id } = await patiently(() => place.client.runs.create(request, { idempotencyKey }));
    return new WatchedRun(place, losses, id);
  }

  get(): Promise<Run> {
    return this.#place.client.runs.get(this.id);
  }

  async #follow(): Promise<Finished> {
    const { client } = this.#place;
    const signal = AbortSignal.timeout(RUN_LIMIT_MS);
    for await (const event of client.runs.follow(this.id, { signal, patienceMs: PATIENCE_MS })) {
      if (event.type === 'reset')
        this.#losses.add('a follower got a reset: the server no longer knows its last event');
      else this.received.push(event);
    }
    const stored = await patiently(() => storedEvents(client, this.id));
    const faults = [...eventFaults(stored), ...followingFaults(this.received, stored)];
    for (const fault of faults) this.#losses.add(fault);
    const outcome = await patiently(() => outcomeOf(client, this.id, stored));
    const starts = stored.filter((event) => event.type === 'state' && event.data.state === 'running').length;
    return { id: this.id, outcome, deaths: starts - 1 };
  }

  /**
   * Records that the caller is about to kill the run's process. False if it must not, since a run fails after three
   * crashes without progress.
   */
  mayDie(): boolean {
    const progress = this.received.findLastIndex(
      ({ type }) => type === 'checkpoint' || type === 'evaluation',
    );
    if (this.#deaths.filter((at) => at > progress).length >= 2) return false;
    this.#deaths.push(this.received.length);
    return true;
  }

  /** Waits for a state, unless the run ends before. @returns whether the run reached it */
  async untilState(state: Run['state'], limitMs: number): Promise<boolean> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const run = await patiently(() => this.get());
      if (run.state === state) return true;
      if (isFinished(run.state) || Date.now() > deadline) return false;
      await sleep(100);
    }
  }
}

/** Adds the differences to an undisturbed run as losses. @returns whether there are none */
export function compare(reference: Outcome, { id, outcome }: Finished, losses: Losses): boolean {
  const found = differences(reference, outcome);
  for (const difference of found) losses.add(`${id}: ${difference}`);
  return found.length === 0;
}
