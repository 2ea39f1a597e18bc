import { StylographError } from '../../core/errors.ts';

const RETRY_SECONDS = 10;

/** Bounds how many event streams one client holds open at a time. */
export class StreamCounter {
  readonly #most: number;
  readonly #open = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @param client what tells clients apart @returns call it once, when the stream has ended @throws too_many_streams */
  enter(client: string): () => void {
    const count = this.#open.get(client) ?? 0;
    if (count >= this.#most) {
      throw new StylographError(
        'too_many_streams',
        `${count} event streams are open for this client already, the most there may be; close one, or ask for events as JSON.`,
        { retryAfter: RETRY_SECONDS },
      );
    }
    this.#open.set(client, count + 1);
    return () => {
      const left = this.#open.get(client)! - 1;
      if (left > 0) this.#open.set(client, left);
      else this.#open.delete(client);
    };
  }
}
