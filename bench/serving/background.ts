import { setTimeout as sleep } from 'node:timers/promises';
import { applyLoad, type Load } from './load.ts';
import { ask, startRun } from './model.ts';
import type { Server } from './servers.ts';

export interface Background {
  /** One request at a time, on an idle machine and while a run trains. */
  idle: Load;
  training: Load;
  /** Iterations per second of the run: alone, beside one request at a time, beside 32. */
  alone: number;
  besideOne: number;
  besideMany: number;
}

/** When each iteration was logged: event ids start with milliseconds. */
async function iterationTimes(server: Server, runId: string): Promise<[iteration: number, ms: number][]> {
  const times: [number, number][] = [];
  for (let after = ''; ; ) {
    const page = await ask(server, `/runs/${runId}/events?limit=200${after}`);
    for (const { id, type, data } of page.items) {
      if (type === 'metrics') times.push([data.iteration, Number(id.split('-')[0])]);
    }
    if (page.items.length === 0) return times;
    after = `&after=${page.items.at(-1).id}`;
  }
}

/** Iterations per second between two times. */
async function speed(server: Server, runId: string, from: number, to: number): Promise<number> {
  const within = (await iterationTimes(server, runId)).filter(([, ms]) => ms >= from && ms <= to);
  return (within.length / (to - from)) * 1000;
}

async function during<T>(work: () => Promise<T>): Promise<{ from: number; to: number; result: T }> {
  const from = Date.now();
  const result = await work();
  return { from, to: Date.now(), result };
}

/** Trains the article preset beside requests, then cancels the run. */
export async function measureBackground(server: Server, seconds: number): Promise<Background> {
  const idle = await applyLoad(server.generate, 1, seconds);
  const { id } = await startRun(server, { iterations: 100_000, metricsEvery: 1 });
  while ((await iterationTimes(server, id)).length < 3) await sleep(500);
  const quiet = await during(() => sleep(seconds * 1000));
  const one = await during(() => applyLoad(server.generate, 1, seconds));
  const many = await during(() => applyLoad(server.generate, 32, seconds));
  const speeds = [];
  for (const { from, to } of [quiet, one, many]) speeds.push(await speed(server, id, from, to));
  await ask(server, `/runs/${id}/cancel`, { method: 'POST' });
  while ((await ask(server, `/runs/${id}`)).state !== 'cancelled') await sleep(200);
  const [alone, besideOne, besideMany] = speeds as [number, number, number];
  return { idle, training: one.result, alone, besideOne, besideMany };
}
