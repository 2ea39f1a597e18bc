import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Logger, pino } from 'pino';
import { buildApp } from '../api/app.ts';
import type { ApiDeps } from '../api/deps.ts';
import type { RedisTarget } from '../core/contracts/worker.ts';
import { StylographError } from '../core/errors.ts';
import { DatasetLibrary } from '../data/library.ts';
import { encodeFilm } from '../figures/encode-film.ts';
import { Sessions } from '../platform/keys/sessions.ts';
import { connectRedis, guarded, waitUntilReady } from '../platform/redis/connection.ts';
import { redisKeys } from '../platform/redis/key-names.ts';
import { launchPrivateRedis } from '../platform/redis/private-redis.ts';
import { loadSettings, type Settings, SettingsProblem, wantsTraces } from '../platform/settings/settings.ts';
import { Metrics, startTracing, watchService } from '../platform/telemetry/index.ts';
import { ownVersion } from '../platform/version.ts';
import { RunEvents } from '../runs/redis/events.ts';
import { EventHub } from '../runs/redis/hub.ts';
import { readMetrics } from '../runs/redis/metrics.ts';
import { pairWithStore } from '../runs/redis/pairing.ts';
import { onModelPublished } from '../runs/redis/published.ts';
import { RunStore } from '../runs/redis/run-store.ts';
import { type Inference, launchInference } from '../serving/client.ts';
import { type FolderStore, ModelRegistry, openStore } from '../store/index.ts';
import { CHILD_MODULES } from './child-modules.ts';
import { enqueueDemo } from './server/demo.ts';
import { datasetLimitsOf, openGuards, REDACTED } from './server/guards.ts';
import { describe, Shutdown } from './server/shutdown.ts';
import { openWebhooks } from './server/webhooks.ts';
import { WorkerProcess } from './server/worker-process.ts';

/** The parent of everything that `npm start` runs: it alone hears signals, and ends what it has started. */

const shutdown = new Shutdown();

async function start(settings: Settings): Promise<void> {
  // Written behind the requests' backs, many lines at a time under load; the rest when the process exits.
  const output = pino.destination({ fd: 2, sync: false, minLength: 16_000, periodicFlush: 200 });
  const log = pino({ level: settings.LOG_LEVEL, redact: REDACTED }, output);
  mkdirSync(settings.DATA_DIR, { recursive: true });
  const target = await reachRedis(settings, (message) => log.warn(message));
  const storeRoot = settings.STORE_URL ?? settings.DATA_DIR;
  const store = await shutdown.unlessBegun(openStore(storeRoot, 'prompt'));
  if (settings.ROLE === 'worker') {
    await shutdown.unlessBegun(pairWithStore(target, store));
    const worker = startWorker(settings, target, log);
    shutdown.add('the worker', () => worker.stop());
    announce(['A worker is waiting for runs.']);
    return;
  }
  await serve(settings, { log, target, storeRoot, store });
}

/** What every part of a server starts from. */
interface Ground {
  log: Logger;
  target: RedisTarget;
  storeRoot: string;
  store: FolderStore;
}

interface Observing {
  meter: Metrics;
  tracing: Awaited<ReturnType<typeof startTracing>> | undefined;
  log: Logger;
}

type Queue = Awaited<ReturnType<typeof openQueue>>;

async function serve(settings: Settings, ground: Ground): Promise<void> {
  const { log, target, storeRoot, store } = ground;
  const guards = await shutdown.unlessBegun(openGuards(settings, (message) => log.error(message)));
  shutdown.add('the audit log', () => guards.close());
  const meter = new Metrics();
  const tracing = wantsTraces(settings)
    ? await shutdown.unlessBegun(startTracing('stylograph-api', ownVersion()))
    : undefined;
  shutdown.add('tracing', async () => tracing?.close());
  // First, since loading TensorFlow takes longest; the model is there soon after.
  const { inference, models, loaded } = startInference(settings, ground, meter);
  const queue = await openQueue(settings, ground, { meter, tracing });
  const { runs, hub } = queue;
  await shutdown.unlessBegun(loadWhatIsPublished(queue, target, { inference, models }));
  watchService(meter, {
    countRuns: () => runs.countByState(),
    activeRuns: () => runs.live(),
    streams: () => hub.subscribers,
    inference,
  });
  let worker: WorkerProcess | undefined;
  shutdown.add('the worker', async () => worker?.stop());
  const limits = datasetLimitsOf(settings);
  const datasets = new DatasetLibrary({
    dataDir: settings.DATA_DIR,
    storeRoot,
    store,
    limits,
    uploadChild: CHILD_MODULES.upload,
  });
  await shutdown.unlessBegun(datasets.sweep());
  const app = await buildApp({
    ...appDeps(queue, { meter, tracing, log }),
    ...guards.deps,
    store,
    models,
    inference,
    datasets,
    encodeFilm: (task) => encodeFilm(CHILD_MODULES.film, task),
  });
  shutdown.add('the HTTP server', async () => {
    // The run is checkpointed meanwhile.
    const workerEnds = worker?.stop();
    await sleep(settings.DRAIN_SECONDS * 1000);
    await app.close();
    await workerEnds;
  });
  const url = await listen(app, settings);
  await shutdown.unlessBegun(loaded);
  // Last, so that it does not take the processor from what a request needs.
  if (settings.ROLE === 'all') worker = startWorker(settings, target, log);
  announceServer(url, await shutdown.unlessBegun(enqueueDemo(settings, runs, models)));
}

function startWorker(settings: Settings, target: RedisTarget, log: Logger): WorkerProcess {
  return new WorkerProcess(settings, target, (message) => log.warn(message));
}

function startInference(settings: Settings, { storeRoot, store, log }: Ground, meter: Metrics) {
  const { inference, started } = launchInference({
    childModule: CHILD_MODULES.inference,
    directory: storeRoot,
    maxQueue: settings.INFERENCE_QUEUE,
    memoryLimitMb: settings.INFERENCE_MEMORY_MB,
    onLog: (level, message) => log[level](message),
    observer: meter,
  });
  shutdown.add('the inference process', () => inference.close());
  const models = new ModelRegistry(store);
  const firstModel = models.record('latest').then((record) => inference.ensure(record));
  // Whoever asks for a model that could not be loaded is told why.
  const loaded = Promise.allSettled([firstModel]).then(() => started);
  return { inference, models, loaded };
}

async function openQueue(
  settings: Settings,
  { target, store, log }: Ground,
  { meter, tracing }: Omit<Observing, 'log'>,
) {
  const keys = redisKeys();
  const redis = connectRedis(target, 'prompt');
  shutdown.add('the Redis connection', async () => redis.disconnect());
  await waitUntilReady(redis, 15_000);
  await shutdown.unlessBegun(pairWithStore(target, store));
  const runs = new RunStore(redis, keys, {
    queueLimit: settings.RUN_QUEUE,
    telemetry: tracing?.telemetry,
  });
  shutdown.add('the queue', () => runs.close());
  const hub = new EventHub(redis, target, keys);
  shutdown.add('the event streams', () => hub.close());
  const { webhooks, deps: webhookDeps } = openWebhooks(settings, { redis: target, keys, meter }, (message) =>
    log.warn(message),
  );
  shutdown.add('the webhooks', () => webhooks.close());
  return { keys, redis, runs, hub, webhooks, webhookDeps };
}

/** What the API needs of the queue, and what it tells of itself. */
function appDeps(
  { redis, keys, runs, hub, webhooks, webhookDeps }: Queue,
  { meter, tracing, log }: Observing,
) {
  return {
    version: ownVersion(),
    runs,
    events: new RunEvents(redis, keys),
    hub,
    metrics: (runId, query) => readMetrics(redis, keys, runId, query),
    isClosing: () => shutdown.hasBegun,
    pingRedis: async () => void (await guarded(() => redis.ping())),
    meter,
    ...(tracing && { tracing }),
    queues: () => [runs.queue, webhooks.queue],
    webhooks: webhookDeps,
    sessions: new Sessions(redis, keys),
    dashboard: fileURLToPath(new URL('../../dist/web', import.meta.url)),
    logger: log,
  } satisfies Partial<ApiDeps>;
}

/** Has every model that a run publishes loaded beside those that serve. */
async function loadWhatIsPublished(
  { redis, keys }: Pick<Queue, 'redis' | 'keys'>,
  target: RedisTarget,
  { inference, models }: { inference: Inference; models: ModelRegistry },
): Promise<void> {
  const subscriber = connectRedis(target, 'patient');
  shutdown.add('the subscription', async () => subscriber.disconnect());
  await onModelPublished(redis, subscriber, keys, async (modelId) =>
    inference.ensure(await models.record(modelId)),
  );
}

async function reachRedis(settings: Settings, onTrouble: (message: string) => void): Promise<RedisTarget> {
  if (settings.REDIS_URL !== undefined) return { url: settings.REDIS_URL };
  if (settings.REDIS_SERVER === undefined) {
    throw new StylographError(
      'redis_unavailable',
      'No Redis is known. Start with "npm start", or set REDIS_URL or REDIS_SERVER.',
    );
  }
  const { DATA_DIR: dataDir, REDIS_SERVER: server } = settings;
  const { redis, started } = launchPrivateRedis({ dataDir, server, onTrouble });
  shutdown.add('the private Redis', () => redis.close());
  await shutdown.unlessBegun(started);
  return redis.target;
}

/** @returns the address, as a URL */
async function listen(app: Awaited<ReturnType<typeof buildApp>>, { HOST, PORT }: Settings): Promise<string> {
  try {
    await shutdown.unlessBegun(app.listen({ host: HOST, port: PORT }));
    const { port } = app.server.address() as { port: number };
    return `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new SettingsProblem([
      `PORT: ${PORT} on ${HOST} is taken by another program; end it or choose another PORT.`,
    ]);
  }
}

function announceServer(url: string, demo: string | undefined): void {
  announce([
    `Stylograph ${ownVersion()} is at ${url}/ - its API is described at ${url}/docs`,
    ...(demo
      ? [
          `No model is there yet, so one quick run on MNIST has been started: ${demo} (DEMO=0 turns this off).`,
          `Watch it: curl -N -H 'accept: text/event-stream' ${url}/runs/${demo}/events`,
          `In two to three minutes: curl '${url}/generate?label=3' > 3.png`,
        ]
      : [`Try it: curl '${url}/generate?label=3' > 3.png`]),
  ]);
}

function announce(lines: string[]): void {
  process.stdout.write(`\n${lines.map((line) => `  ${line}`).join('\n')}\n\n`);
}

// A second one changes nothing: npm and terminals send it along with the first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!shutdown.hasBegun)
      process.stderr.write(
        'stylograph: finishing; a run that trains is checkpointed and goes on at the next start\n',
      );
    void shutdown.begin(0);
  });
}
try {
  await start(loadSettings());
} catch (error) {
  // What was still starting ends with what is asked to end, and has nothing more to say.
  if (!shutdown.hasBegun) process.stderr.write(`\nstylograph: ${describe(error)}\n`);
  await shutdown.begin(error instanceof SettingsProblem ? 2 : 1);
}
