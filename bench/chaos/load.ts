import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, ask, Unanswered } from './ask.ts';
import type { Losses } from './losses.ts';
import type { Place } from './place.ts';

/** Number of clients, which pause between requests. */
const CLIENTS = 3;
const PAUSE_MS = 60;
/** How long a service may be unavailable after a disturbance. */
const API_GRACE_MS = 60_000;
const INFERENCE_GRACE_MS = 30_000;

const shaOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Clients that generate images all the time. Every response must be the correct image, bit for bit, or a refusal with
 * Retry-After. A missing response is allowed only if the API itself was disturbed.
 */
export class InferenceLoad {
  readonly counts = { pictures: 0, refused: 0, unanswered: 0 };
  readonly #place: Place;
  readonly #losses: Losses;
  readonly #model: string;
  readonly #known = new Map<string, string>();
  #clients: Promise<void>[] = [];
  #running = false;

  constructor(place: Place, losses: Losses, model: string) {
    this.#place = place;
    this.#losses = losses;
    this.#model = model;
  }

  start(): void {
    this.#running = true;
    this.#clients = Array.from({ length: CLIENTS }, (_, client) => this.#client(client));
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
  }

  async #client(client: number): Promise<void> {
    for (let i = client; this.#running; i += CLIENTS) {
      const [label, seed] = [i % 10, i % 7];
      await this.#one(`/generate?model=${this.#model}&label=${label}&seed=${seed}`);
      await sleep(PAUSE_MS);
    }
  }

  async #one(path: string): Promise<void> {
    const askedAt = Date.now();
    try {
      this.#judge(path, await ask(`${this.#place.url}${path}`), askedAt);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.counts.unanswered++;
      const excused =
        askedAt - this.#place.api.changedAt < API_GRACE_MS || this.#place.api.changedAt > askedAt;
      this.#losses.unless(
        excused,
        `an image request got no response (${error.code}) although the API was not disturbed`,
      );
    }
  }

  #judge(path: string, { status, headers, body }: Answer, askedAt: number): void {
    if (status === 200) {
      this.counts.pictures++;
      const sha = shaOf(body);
      const known = this.#known.get(path) ?? sha;
      this.#known.set(path, known);
      this.#losses.unless(known === sha, `${path} returned other bytes than before`);
      return;
    }
    this.counts.refused++;
    const { api, inferenceDisturbedAt } = this.#place;
    const since = askedAt - Math.max(api.changedAt, inferenceDisturbedAt);
    const excused = status === 503 && headers['retry-after'] !== undefined && since < INFERENCE_GRACE_MS;
    const what = body.toString('utf8').slice(0, 200);
    this.#losses.unless(
      excused,
      `an image request returned ${status} ${since} ms after the last disturbance: ${what}`,
    );
  }
}
