import { setTimeout as sleep } from 'node:timers/promises';

export interface Clients {
  /** Successful responses so far. */
  readonly answers: number;
  readonly failures: string[];
  /** Resolves when the newest response is from this model. */
  answeredBy(modelId: string): Promise<void>;
  /** Milliseconds of each request since the last call. */
  takeTimes(): number[];
  stop(): Promise<void>;
}

const PATIENCE_MS = 60_000;

/** Clients that send their next request after each response until they are stopped. Every response must be an image. */
export function startClients(url: string, count: number): Clients {
  const failures: string[] = [];
  let times: number[] = [];
  let answers = 0;
  let newest = '';
  let stopped = false;
  const ask = async (): Promise<void> => {
    while (!stopped) {
      const start = performance.now();
      try {
        const answer = await fetch(url);
        const { byteLength } = await answer.arrayBuffer();
        if (answer.status !== 200 || byteLength === 0) failures.push(`${answer.status}, ${byteLength} bytes`);
        else {
          answers++;
          newest = answer.headers.get('x-model-id') ?? '';
          times.push(performance.now() - start);
        }
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const all = Array.from({ length: count }, ask);
  return {
    get answers() {
      return answers;
    },
    failures,
    answeredBy: async (modelId) => {
      const deadline = Date.now() + PATIENCE_MS;
      while (newest !== modelId) {
        if (Date.now() > deadline) throw new Error(`${modelId} did not answer within ${PATIENCE_MS} ms`);
        await sleep(2);
      }
    },
    takeTimes: () => {
      const taken = times;
      times = [];
      return taken;
    },
    stop: async () => {
      stopped = true;
      await Promise.all(all);
    },
  };
}
