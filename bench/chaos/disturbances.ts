import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './ask.ts';
import type { Losses } from './losses.ts';
import type { Place } from './place.ts';
import type { Random } from './random.ts';
import { configOf, patiently, type WatchedRun } from './runs.ts';
import type { Service } from './service.ts';

export interface Scene {
  place: Place;
  losses: Losses;
  random: Random;
  /** The run that is training. */
  run: WatchedRun;
  /** Maximum length of a Redis outage, in seconds. */
  longestAway: number;
}

/** A short description of the disturbance, undefined if there was nothing to disturb. */
type Description = Promise<string | undefined>;

const RUN_CHILD = /children\/run\b/;
const WORKER = /children\/worker/;
const INFERENCE = /children\/inference/;
/** A server must exit within this time. */
const EXIT_LIMIT_MS = 30_000;
/** Longer than a worker's lock plus the time in which other workers notice its expiry. */
const BEYOND_LOCK_MS = 24_000;
/** A younger process may have no signal handler yet, so it is not terminated. */
const STARTUP_MS = 8_000;

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Checks that the children of a killed process exit. */
async function expectOrphansToExit(pids: readonly number[], losses: Losses, parent: string): Promise<void> {
  for (let i = 0; i < 100 && pids.some((pid) => signal(pid, 0)); i++) await sleep(100);
  const left = pids.filter((pid) => signal(pid, 0));
  losses.unless(left.length === 0, `children of ${parent} were still running 10 s after it was killed`);
}

const workersWith = ({ workers }: Place, pattern: RegExp): Service[] =>
  workers.filter((worker) => worker.processes(pattern).length > 0);

async function killRunChild({ place, run }: Scene): Description {
  const [pid] = place.workers.flatMap((worker) => worker.processes(RUN_CHILD));
  if (pid === undefined || !run.mayDie()) return undefined;
  signal(pid, 'SIGKILL');
  return `the run's process (${phaseOf(run)})`;
}

async function killWorker({ place, losses, run }: Scene): Description {
  const [busy] = workersWith(place, RUN_CHILD);
  const pid = busy?.processes(WORKER)[0];
  if (busy === undefined || pid === undefined) return undefined;
  const children = busy.processes(RUN_CHILD);
  signal(pid, 'SIGKILL');
  await expectOrphansToExit(children, losses, 'a worker');
  return `${busy.name} (${phaseOf(run)})`;
}

async function killWorkerServer({ place, losses, random }: Scene): Description {
  const service = random.pick(place.workers);
  await expectOrphansToExit(service.kill(), losses, `${service.name}'s server`);
  return service.name;
}

async function killApi({ place, losses }: Scene): Description {
  await expectOrphansToExit(place.api.kill(), losses, 'the API');
  await place.untilReady();
  return 'the API';
}

async function killRedis({ place, run }: Scene): Description {
  place.redis.kill();
  await place.untilReady();
  return `Redis (${phaseOf(run)})`;
}

async function killAll({ place, losses, run }: Scene): Description {
  const services = [place.api, ...place.workers, place.redis];
  const phase = phaseOf(run);
  await expectOrphansToExit(
    services.flatMap((service) => service.kill()),
    losses,
    'everything',
  );
  await place.untilReady();
  return `everything at once (${phase})`;
}

/** Without Redis, run requests must be rejected with Retry-After and readiness must fail. */
async function takeRedisAway({ place, losses, random, longestAway }: Scene): Description {
  const seconds = random.between(Math.min(5, longestAway), longestAway);
  await place.redis.stop('SIGKILL');
  const deadline = Date.now() + seconds * 1000;
  // The API needs a moment to notice that its connection is lost.
  await sleep(1_000);
  let rejected = 0;
  while (Date.now() < deadline) {
    const post = await ask(`${place.url}/runs`, { method: 'POST', json: { preset: 'quick' } });
    const { code } = JSON.parse(post.body.toString('utf8')) as { code?: string };
    losses.unless(
      post.status === 503 && code === 'redis_unavailable' && post.headers['retry-after'] !== undefined,
      `without Redis, POST /runs returned ${post.status} ${code}, Retry-After ${post.headers['retry-after']}`,
    );
    const ready = await ask(`${place.url}/health/ready`);
    losses.unless(ready.status === 503, `without Redis, readiness was ${ready.status}`);
    rejected++;
    await sleep(500);
  }
  place.redis.start();
  await place.untilReady();
  return `Redis for ${seconds} s; ${rejected} run requests were rejected as expected`;
}

async function freezeRedis({ place, random }: Scene): Description {
  const seconds = random.between(2, 6);
  const { pid } = place.redis;
  if (pid === undefined) return undefined;
  signal(pid, 'SIGSTOP');
  await sleep(seconds * 1000);
  signal(pid, 'SIGCONT');
  await place.untilReady();
  return `Redis for ${seconds} s`;
}

/** The lock of a frozen worker expires and another worker takes the run. The fence must reject the first worker. */
async function freezeWorker({ place, run }: Scene): Description {
  const [busy] = workersWith(place, RUN_CHILD);
  const pid = busy?.processes(WORKER)[0];
  if (busy === undefined || pid === undefined) return undefined;
  const phase = phaseOf(run);
  signal(pid, 'SIGSTOP');
  await sleep(BEYOND_LOCK_MS);
  signal(pid, 'SIGCONT');
  return `${busy.name} beyond its lock (${phase})`;
}

/** @returns whether the run is paused */
async function pause({ place, run }: Scene): Promise<boolean> {
  const pausing = await patiently(() => place.client.runs.pause(run.id)).catch(() => undefined);
  return pausing !== undefined && (await run.untilState('paused', 120_000));
}

async function pauseAndMove(scene: Scene): Description {
  const { place, run } = scene;
  const [busy] = workersWith(place, RUN_CHILD);
  if (busy === undefined || !(await pause(scene))) return undefined;
  await busy.terminate(EXIT_LIMIT_MS);
  await patiently(() => place.client.runs.resume(run.id));
  return `the run, which moves from ${busy.name} to another worker`;
}

async function pauseAndDamage(scene: Scene): Description {
  const { place, run } = scene;
  if (workersWith(place, RUN_CHILD).length === 0 || !(await pause(scene))) return undefined;
  const folder = join(place.folder, 'runs', run.id, 'checkpoints');
  const newest = readdirSync(folder)
    .filter((name) => /^\d{9}/.test(name) && !name.endsWith('.damaged'))
    .sort()
    .at(-1);
  if (newest !== undefined) truncateSync(join(folder, newest, 'weights.safetensors'), 100);
  await patiently(() => place.client.runs.resume(run.id));
  return newest === undefined
    ? 'the run, before its first checkpoint'
    : `checkpoint ${newest} of the paused run`;
}

/** On SIGTERM, the process must exit in time with code 0. A worker first checkpoints and requeues its run. */
async function terminate(service: Service, { losses }: Scene, times = 1): Promise<string> {
  const exit = await service.terminate(EXIT_LIMIT_MS, times);
  if (exit === undefined) return `${service.name} while it started`;
  losses.unless(
    exit.code === 0,
    `${service.name} exited with ${exit.signal ?? `code ${exit.code}`} ${exit.ms} ms after SIGTERM`,
  );
  return `${service.name}, which exited after ${(exit.ms / 1000).toFixed(1)} s`;
}

async function terminateWorker(scene: Scene): Description {
  const [busy] = workersWith(scene.place, RUN_CHILD);
  const service = busy ?? scene.random.pick(scene.place.workers);
  if (Date.now() - service.changedAt < STARTUP_MS) return undefined;
  return await terminate(service, scene, scene.random.between(1, 2));
}

async function terminateApi(scene: Scene): Description {
  const { place, random } = scene;
  if (Date.now() - place.api.changedAt < STARTUP_MS) return undefined;
  const description = await terminate(place.api, scene, random.between(1, 2));
  await place.untilReady();
  return description;
}

/** Waits until the API generates images again. @returns the time it took, as text */
async function untilServing({ place }: Scene): Promise<string> {
  const startedAt = Date.now();
  while ((await ask(`${place.url}/generate?label=1`).catch(() => undefined))?.status !== 200) await sleep(20);
  place.inferenceDisturbedAt = Date.now();
  return `images again after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
}

async function disturbInference(scene: Scene, name: 'SIGKILL' | 'SIGSTOP'): Description {
  const [pid] = scene.place.api.processes(INFERENCE);
  if (pid === undefined) return undefined;
  scene.place.inferenceDisturbedAt = Date.now();
  signal(pid, name);
  return `the inference process; ${await untilServing(scene)}`;
}

/** Request for a second run, which is too long to finish by itself. */
const endless = (seed: number) => ({
  preset: 'quick' as const,
  seed,
  config: configOf(100_000),
  tags: ['chaos', 'to be cancelled'],
});

/** Cancels a second run in any state. It must end in time and publish no model. */
async function cancelAnother({ place, losses, random }: Scene): Description {
  const { runs } = place.client;
  const { id } = await patiently(() => runs.create(endless(1), { idempotencyKey: `cancel-${Date.now()}` }));
  await sleep(random.between(0, 15_000));
  const { state } = await patiently(() => runs.get(id));
  const requestedAt = Date.now();
  // A retry after a lost response finds nothing to cancel.
  await patiently(() => runs.cancel(id)).catch(() => undefined);
  let run = await patiently(() => runs.get(id));
  while (run.state === 'cancelling' && Date.now() - requestedAt < EXIT_LIMIT_MS) {
    await sleep(50);
    run = await patiently(() => runs.get(id));
  }
  const ms = Date.now() - requestedAt;
  losses.unless(
    run.state === 'cancelled' && run.modelId === undefined,
    `a run was ${run.state} ${ms} ms after the request to cancel it`,
  );
  return `a run that was ${state}, within ${ms} ms`;
}

/** Sends concurrent requests with one idempotency key and sometimes kills the API. Only one run may be created. */
async function repeatRequest({ place, losses, random }: Scene): Description {
  const { runs } = place.client;
  const idempotencyKey = `repeat-${Date.now()}`;
  const count = random.between(3, 8);
  const requests = Array.from({ length: count }, () =>
    patiently(() => runs.create(endless(2), { idempotencyKey })),
  );
  const killsApi = random.between(0, 1) === 1;
  if (killsApi) place.api.kill();
  const ids = new Set((await Promise.all(requests)).map(({ id }) => id));
  losses.unless(ids.size === 1, `${count} requests with one Idempotency-Key created ${ids.size} runs`);
  for (const id of ids) await patiently(() => runs.cancel(id)).catch(() => undefined);
  return `${count} concurrent POST /runs${killsApi ? ', with the API killed during them' : ''}`;
}

/** Phase and iteration of the run, for the description. */
function phaseOf({ received }: WatchedRun): string {
  const progress = received.findLast((event) => event.type === 'progress');
  return progress ? `${progress.data.phase}, iteration ${progress.data.iteration}` : 'waiting';
}

/** All disturbances by name. The probability of each is proportional to its weight. */
export const DISTURBANCES: Record<string, { weight: number; act: (scene: Scene) => Description }> = {
  'kill run': { weight: 4, act: killRunChild },
  'kill worker': { weight: 3, act: killWorker },
  "kill worker's server": { weight: 1, act: killWorkerServer },
  'kill API': { weight: 2, act: killApi },
  'kill Redis': { weight: 3, act: killRedis },
  'kill everything': { weight: 2, act: killAll },
  'take Redis away': { weight: 1, act: takeRedisAway },
  'freeze Redis': { weight: 1, act: freezeRedis },
  'freeze worker': { weight: 1, act: freezeWorker },
  'pause and move': { weight: 2, act: pauseAndMove },
  'pause and damage': { weight: 1, act: pauseAndDamage },
  'terminate worker': { weight: 2, act: terminateWorker },
  'terminate API': { weight: 2, act: terminateApi },
  'kill inference': { weight: 2, act: (scene) => disturbInference(scene, 'SIGKILL') },
  'hang inference': { weight: 2, act: (scene) => disturbInference(scene, 'SIGSTOP') },
  cancel: { weight: 1, act: cancelAnother },
  'repeat request': { weight: 1, act: repeatRequest },
};
