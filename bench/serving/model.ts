import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from './servers.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of the API, described in openapi/
type Answer = any;

export async function ask(server: Server, path: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(`${server.url}${path}`, init);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return await answer.json();
}

export function startRun(server: Server, config: Record<string, number>): Promise<{ id: string }> {
  return ask(server, '/runs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ preset: 'article', seed: 1, config: { latentDim: 8, ...config } }),
  });
}

/** Trains the article's network briefly if there is no model. The cost of serving does not depend on its quality. */
export async function ensureModel(server: Server, iterations: number): Promise<void> {
  const { items } = await ask(server, '/models');
  if (items.length > 0) return;
  const { id } = await startRun(server, { iterations });
  for (;;) {
    const run = await ask(server, `/runs/${id}`);
    if (run.state === 'succeeded') return;
    if (!['queued', 'running'].includes(run.state))
      throw new Error(`The run ended ${run.state}: ${run.error?.message}`);
    await sleep(500);
  }
}

/** The stored weights file of `latest`, and the length of its latents. */
export async function latestModel(
  server: Server,
  dataDir: string,
): Promise<{ id: string; weights: string; latentDim: number }> {
  const { id, latentDim } = await ask(server, '/models/latest');
  const folder = join(dataDir, 'models', id);
  const file = readdirSync(folder).find((name) => name.endsWith('.safetensors'))!;
  return { id, weights: join(folder, file), latentDim };
}
