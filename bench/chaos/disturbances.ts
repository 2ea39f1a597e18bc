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
  /** The longest outage of Redis, in seconds. */
  longestAway: number;
}

/** A short description of what was done; undefined if there was nothing to disturb. */
type Deed = Promise<string | undefined>;

const RUN_CHILD = /children\/run\b/;
const WORKER = /children\/worker/;
const INFERENCE = /children\/inference/;
/** A server must end within this time. */
const END_LIMIT_MS = 30_000;
/** Longer than a worker's lock and the time that others take to notice its expiry. */
const BEYOND_LOCK_MS = 24_000;

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Checks that the children of a killed process end. */
async function orphansEnd(pids: readonly number[], losses: Losses, whose: string): Promise<void> {
  for (let i = 0; i < 100 && pids.some((pid) => signal(pid, 0)); i++) await sleep(100);
  const left = pids.filter((pid) => signal(pid, 0));
  losses.unless(left.length === 0, `children of ${whose} were still running 10 s after it was killed`);
}

const workersWith = ({ workers }: Place, pattern: RegExp): Service[] =>
  workers.filter((worker) => worker.processes(pattern).length > 0);

async function killRunChild({ place, run }: Scene): Deed {
  const [pid] = place.workers.flatMap((worker) => worker.processes(RUN_CHILD));
  if (pid === undefined || !run.mayDie()) return undefined;
  signal(pid, 'SIGKILL');
  return `the run's process (${phaseOf(run)})`;
}

async function killWorker({ place, losses, run }: Scene): Deed {
  const [busy] = workersWith(place, RUN_CHILD);
  const pid = busy?.processes(WORKER)[0];
  if (busy === undefined || pid === undefined) return undefined;
  const children = busy.processes(RUN_CHILD);
  signal(pid, 'SIGKILL');
  await orphansEnd(children, losses, 'a worker');
  return `${busy.name} (${phaseOf(run)})`;
}

async function killWorkerServer({ place, losses, random }: Scene): Deed {
  const service = random.pick(place.workers);
  await orphansEnd(service.kill(), losses, `${service.name}'s server`);
  return service.name;
}

async function killApi({ place, losses }: Scene): Deed {
  await orphansEnd(place.api.kill(), losses, 'the API');
  await place.untilReady();
  return 'the API';
}

async function killRedis({ place, run }: Scene): Deed {
  place.redis.kill();
  await place.untilReady();
  return `Redis (${phaseOf(run)})`;
}

async function killAll({ place, losses, run }: Scene): Deed {
  const services = [place.api, ...place.workers, place.redis];
  const phase = phaseOf(run);
  await orphansEnd(
    services.flatMap((service) => service.kill()),
    losses,
    'everything',
  );
  await place.untilReady();
  return `everything at once (${phase})`;
}

/** Without Redis images are still generated, run requests are refused with Retry-After, and nothing is lost. */
async function takeRedisAway({ place, losses, random, longestAway }: Scene): Deed {
  const seconds = random.between(Math.min(5, longestAway), longestAway);
  await place.redis.stop('SIGKILL');
  const until = Date.now() + seconds * 1000;
  // Requests in flight need a moment to notice.
  await sleep(1_000);
  let refused = 0;
  while (Date.now() < until) {
    const post = await ask(`${place.url}/runs`, { method: 'POST', json: { preset: 'quick' } });
    const { code } = JSON.parse(post.body.toString('utf8')) as { code?: string };
    losses.unless(
      post.status === 503 && code === 'redis_unavailable' && post.headers['retry-after'] !== undefined,
      `without Redis POST /runs returned ${post.status} ${code}, Retry-After ${post.headers['retry-after']}`,
    );
    const ready = await ask(`${place.url}/health/ready`);
    losses.unless(ready.status === 503, `without Redis readiness was ${ready.status}`);
    refused++;
    await sleep(500);
  }
  place.redis.start();
  await place.untilReady();
  return `Redis for ${seconds} s; ${refused} run requests were refused as expected`;
}

async function freezeRedis({ place, random }: Scene): Deed {
  const seconds = random.between(2, 6);
  const { pid } = place.redis;
  if (pid === undefined) return undefined;
  signal(pid, 'SIGSTOP');
  await sleep(seconds * 1000);
  signal(pid, 'SIGCONT');
  await place.untilReady();
  return `Redis for ${seconds} s`;
}

/** The lock of a frozen worker expires and another worker takes the run. Results of the first worker must not count. */
async function freezeWorker({ place, run }: Scene): Deed {
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
  const asked = await patiently(() => place.client.runs.pause(run.id)).catch(() => undefined);
  return asked !== undefined && (await run.untilState('paused', 120_000));
}

async function pauseAndMove(scene: Scene): Deed {
  const { place, run } = scene;
  const [busy] = workersWith(place, RUN_CHILD);
  if (busy === undefined || !(await pause(scene))) return undefined;
  await busy.terminate(END_LIMIT_MS);
  await patiently(() => place.client.runs.resume(run.id));
  return `the run, which moves from ${busy.name} to another worker`;
}

async function pauseAndDamage(scene: Scene): Deed {
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

/** On SIGTERM the run is checkpointed and queued again, and the process ends in time with code 0. */
async function terminate(service: Service, { losses }: Scene, times = 1): Promise<string> {
  const end = await service.terminate(END_LIMIT_MS, times);
  if (end === undefined) return `${service.name} while it started`;
  losses.unless(
    end.code === 0,
    `${service.name} ended with ${end.signal ?? `code ${end.code}`} ${end.ms} ms after SIGTERM`,
  );
  return `${service.name}, which ended after ${(end.ms / 1000).toFixed(1)} s`;
}

async function terminateWorker(scene: Scene): Deed {
  const [busy] = workersWith(scene.place, RUN_CHILD);
  const service = busy ?? scene.random.pick(scene.place.workers);
  // A process that has just started has no signal handler yet. That is fine, but not this test.
  if (Date.now() - service.changedAt < 8_000) return undefined;
  return await terminate(service, scene, scene.random.between(1, 2));
}

async function terminateApi(scene: Scene): Deed {
  const { place, random } = scene;
  if (Date.now() - place.api.changedAt < 8_000) return undefined;
  const done = await terminate(place.api, scene, random.between(1, 2));
  await place.untilReady();
  return done;
}

/** Waits until images are generated again. @returns how long that took */
async function untilPictures({ place }: Scene): Promise<string> {
  const begun = Date.now();
  while ((await ask(`${place.url}/generate?label=1`).catch(() => undefined))?.status !== 200) await sleep(20);
  place.inferenceDisturbedAt = Date.now();
  return `images again after ${((Date.now() - begun) / 1000).toFixed(1)} s`;
}

async function disturbInference(scene: Scene, name: 'SIGKILL' | 'SIGSTOP'): Deed {
  const [pid] = scene.place.api.processes(INFERENCE);
  if (pid === undefined) return undefined;
  scene.place.inferenceDisturbedAt = Date.now();
  signal(pid, name);
  return `the inference process; ${await untilPictures(scene)}`;
}

/** A second run, which never ends by itself. */
const endless = (seed: number) => ({
  preset: 'quick' as const,
  seed,
  config: configOf(100_000),
  tags: ['chaos', 'to be cancelled'],
});

/** Cancels a second run in any state: it must end at once and publish no model. */
async function cancelAnother({ place, losses, random }: Scene): Deed {
  const { runs } = place.client;
  const { id } = await patiently(() => runs.create(endless(1), { idempotencyKey: `cancel-${Date.now()}` }));
  await sleep(random.between(0, 15_000));
  const { state } = await patiently(() => runs.get(id));
  const askedAt = Date.now();
  // A retry after a lost response finds nothing to cancel.
  await patiently(() => runs.cancel(id)).catch(() => undefined);
  let run = await patiently(() => runs.get(id));
  while (run.state === 'cancelling' && Date.now() - askedAt < END_LIMIT_MS) {
    await sleep(50);
    run = await patiently(() => runs.get(id));
  }
  const ms = Date.now() - askedAt;
  losses.unless(
    run.state === 'cancelled' && run.modelId === undefined,
    `a cancelled run is ${run.state} after ${ms} ms`,
  );
  return `a run that was ${state}, within ${ms} ms`;
}

/** Sends one request many times at once under one key, sometimes killing the API: only one run may be created. */
async function repeatRequest({ place, losses, random }: Scene): Deed {
  const { runs } = place.client;
  const idempotencyKey = `repeat-${Date.now()}`;
  const many = random.between(3, 8);
  const asked = Array.from({ length: many }, () =>
    patiently(() => runs.create(endless(2), { idempotencyKey })),
  );
  const killed = random.between(0, 1) === 1;
  if (killed) place.api.kill();
  const ids = new Set((await Promise.all(asked)).map(({ id }) => id));
  losses.unless(ids.size === 1, `${many} requests with one Idempotency-Key created ${ids.size} runs`);
  for (const id of ids) await patiently(() => runs.cancel(id)).catch(() => undefined);
  return `POST /runs ${many} times at once${killed ? ', with the API killed in between' : ''}`;
}

/** Phase and iteration of the run, for the report. */
function phaseOf({ received }: WatchedRun): string {
  const progress = received.findLast((event) => event.type === 'progress');
  return progress ? `${progress.data.phase}, iteration ${progress.data.iteration}` : 'waiting';
}

/** All disturbances by name. Those with a higher weight are drawn more often. */
export const DISTURBANCES: Record<string, { weight: number; act: (scene: Scene) => Deed }> = {
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
