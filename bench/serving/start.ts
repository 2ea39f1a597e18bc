import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../lib/statistics.ts';
import { startStylograph } from './servers.ts';

const TIMES = 3;

/** Median milliseconds from the start of the process, including the choice of the port. */
export interface Start {
  /** It answers HTTP. */
  listening: number;
  /** /health/ready is 200: Redis, the inference child and the model are available. */
  ready: number;
  /** A client that asked as soon as the server listened has its image. */
  image: number;
}

export async function measureStart(dataDir: string): Promise<Start> {
  const starts: Start[] = [];
  for (let i = 0; i < TIMES; i++) {
    const begun = performance.now();
    const since = (): number => performance.now() - begun;
    const server = await startStylograph(dataDir, '/health/live');
    const listening = since();
    while (!(await fetch(`${server.url}/health/ready`)).ok) await sleep(10);
    const ready = since();
    await (await fetch(server.generate.url)).arrayBuffer();
    starts.push({ listening, ready, image: since() });
    await server.stop();
  }
  const of = (pick: (start: Start) => number): number => median(starts.map(pick));
  return {
    listening: of(({ listening }) => listening),
    ready: of(({ ready }) => ready),
    image: of(({ image }) => image),
  };
}
