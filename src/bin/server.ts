import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Logger, pino } from 'pino';
import { buildApp } from '../api/app.ts';
import type { RedisTarget } from '../core/contracts/worker.ts';
import { DatasetLibrary } from '../data/library.ts';
import { encodeFilm } from '../figures/encode-film.ts';
import { Sessions } from '../platform/keys/sessions.ts';
import { connectRedis, guarded, waitUntilReady } from '../platform/redis/connection.ts';
import { redisKeys } from '../platform/redis/key-names.ts';
import { loadSettings, type Settings, SettingsProblem, wantsTraces } from '../platform/settings/settings.ts';
import { Metrics, startTracing, type Tracing, watchService } from '../platform/telemetry/index.ts';
import { ownVersion } from '../platform/version.ts';
import { adoptRuns } from '../runs/folder/folder-runs.ts';
import { RunEvents } from '../runs/redis/events.ts';
import { EventHub } from '../runs/redis/hub.ts';
import { readMetrics } from '../runs/redis/metrics.ts';
import { pairWithStore } from '../runs/redis/pairing.ts';
import { onModelPublished } from '../runs/redis/published.ts';
import { RunStore } from '../runs/redis/run-store.ts';
import { type Inference, launchInference } from '../serving/client.ts';
import { type FolderStore, ModelRegistry, openStore } from '../store/index.ts';
import { CHILD_MODULES } from './child-modules.ts';
import { datasetLimitsOf, openAccess, REDACTED } from './server/access.ts';
import { enqueueDemo } from './server/demo.ts';
import { announce, announceServer, listen } from './server/listen.ts';
import { openRedis } from './server/redis.ts';
import { describe, Shutdown } from './server/shutdown.ts';
import { openWebhooks } from './server/webhooks.ts';
import { WorkerProcess } from './server/worker-process.ts';

/*
 * The server. It starts all other processes and alone handles signals. The parts start in the order of `startServer`;
 * `shutdown` ends them in reverse order.
 */

const shutdown = new Shutdown();
const version = ownVersion();

/** What server and worker need. */
interface Base {
  settings: Settings;
  log: Logger;
  redis: RedisTarget;
  storeRoot: string;
  store: FolderStore;
}

async function start(settings: Settings): Promise<void> {
  const log = openLog(settings);
  const warn = (message: string): void => log.warn(message);
  mkdirSync(settings.DATA_DIR, { recursive: true });
  const redis = await openRedis(settings, shutdown, warn);
  const storeRoot = settings.STORE_URL ?? settings.DATA_DIR;
  const store = await shutdown.unlessBegun(openStore(storeRoot, 'prompt'));
  const base = { settings, log, redis, storeRoot, store };
  if (settings.ROLE === 'worker') await startWorkerOnly(base);
  else await startServer(base);
}

async function startWorkerOnly({ settings, log, redis, store }: Base): Promise<void> {
  await shutdown.unlessBegun(pairWithStore(redis, store));
  const worker = new WorkerProcess(settings, redis, (message) => log.warn(message));
  shutdown.add('the worker', () => worker.stop());
  announce(['A worker is waiting for runs.']);
}

async function startServer(base: Base): Promise<void> {
  const { settings, log, redis } = base;
  const access = await shutdown.unlessBegun(openAccess(settings, (message) => log.error(message)));
  shutdown.add('the audit log', () => access.close());
  const meter = new Metrics();
  const tracing = wantsTraces(settings)
    ? await shutdown.unlessBegun(startTracing('stylograph-api', version))
    : undefined;
  shutdown.add('tracing', async () => tracing?.close());

  // Started early because loading TensorFlow takes longest.
  const { inference, models, loaded } = launchModels(base, meter);
  const queue = await openQueue(base, meter, tracing);
  const { runs, hub } = queue;
  const subscriber = connectRedis(redis, 'patient');
  shutdown.add('the subscription', async () => subscriber.disconnect());
  const load = async (modelId: string): Promise<void> => inference.ensure(await models.record(modelId));
  await shutdown.unlessBegun(onModelPublished(queue.redis, subscriber, queue.keys, load));
  watchService(meter, {
    countRuns: () => runs.countByState(),
    activeRuns: () => runs.live(),
    streams: () => hub.subscribers,
    inference,
  });

  let worker: WorkerProcess | undefined;
  shutdown.add('the worker', async () => worker?.stop());
  const app = await openApp(base, access.deps, { inference, models, queue, meter, tracing });
  shutdown.add('the HTTP server', async () => {
    // The run writes its checkpoint at the same time.
    const workerEnds = worker?.stop();
    await sleep(settings.DRAIN_SECONDS * 1000);
    await app.close();
    await workerEnds;
  });
  const url = await listen(app, settings, shutdown);
  await shutdown.unlessBegun(loaded);
  // Last, so that training takes no processor time from the start of the server.
  if (settings.ROLE === 'all') worker = new WorkerProcess(settings, redis, (message) => log.warn(message));
  announceServer(url, version, await shutdown.unlessBegun(enqueueDemo(settings, runs, models)));
}

function openLog(settings: Settings): Logger {
  // Written in the background, many lines at a time under load; the rest when the process exits.
  const output = pino.destination({ fd: 2, sync: false, minLength: 16_000, periodicFlush: 200 });
  return pino({ level: settings.LOG_LEVEL, redact: REDACTED }, output);
}

/** Starts the inference child, which loads the latest model. */
function launchModels({ settings, storeRoot, store, log }: Base, meter: Metrics) {
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
  const latest = models.record('latest').then((record) => inference.ensure(record));
  // A failure is reported to the calls that request the model.
  const loaded = Promise.allSettled([latest]).then(() => started);
  return { inference, models, loaded };
}

/** Opens runs, their events and their webhooks in Redis. */
async function openQueue(
  { settings, redis: target, store, log }: Base,
  meter: Metrics,
  tracing: Tracing | undefined,
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
  // Runs of commands belong to the folder's own Redis and store.
  if (settings.REDIS_URL === undefined && settings.STORE_URL === undefined) {
    await shutdown.unlessBegun(adoptRuns(settings.DATA_DIR, target, keys, runs));
  }
  const hub = new EventHub(redis, target, keys);
  shutdown.add('the event streams', () => hub.close());
  const warn = (message: string): void => log.warn(message);
  const { webhooks, deps: webhookDeps } = openWebhooks(settings, { redis: target, keys, meter }, warn);
  shutdown.add('the webhooks', () => webhooks.close());
  return { keys, redis, runs, hub, webhooks, webhookDeps };
}

interface AppParts {
  inference: Inference;
  models: ModelRegistry;
  queue: Awaited<ReturnType<typeof openQueue>>;
  meter: Metrics;
  tracing: Tracing | undefined;
}

/** Builds the API from its parts. */
async function openApp(
  { settings, log, storeRoot, store }: Base,
  access: Awaited<ReturnType<typeof openAccess>>['deps'],
  { inference, models, queue, meter, tracing }: AppParts,
) {
  const { redis, keys, runs, hub, webhooks } = queue;
  const datasets = new DatasetLibrary({
    dataDir: settings.DATA_DIR,
    storeRoot,
    store,
    limits: datasetLimitsOf(settings),
    uploadChild: CHILD_MODULES.upload,
  });
  await shutdown.unlessBegun(datasets.sweep());
  return await buildApp({
    version,
    ...access,
    store,
    models,
    inference,
    datasets,
    encodeFilm: (task) => encodeFilm(CHILD_MODULES.film, task),
    runs,
    hub,
    events: new RunEvents(redis, keys),
    metrics: (runId, query) => readMetrics(redis, keys, runId, query),
    pingRedis: async () => void (await guarded(() => redis.ping())),
    queues: () => [runs.queue, webhooks.queue],
    webhooks: queue.webhookDeps,
    sessions: new Sessions(redis, keys),
    isClosing: () => shutdown.hasBegun,
    dashboard: fileURLToPath(new URL('../../dist/web', import.meta.url)),
    meter,
    ...(tracing && { tracing }),
    logger: log,
  });
}

// A second signal changes nothing: npm and terminals send it with the first one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!shutdown.hasBegun)
      process.stderr.write(
        'stylograph: stopping; a run in training writes a checkpoint and continues at the next start\n',
      );
    void shutdown.begin(0);
  });
}
try {
  await start(loadSettings());
} catch (error) {
  // During a shutdown, parts that were still starting fail: that is no news.
  if (!shutdown.hasBegun) process.stderr.write(`\nstylograph: ${describe(error)}\n`);
  await shutdown.begin(error instanceof SettingsProblem ? 2 : 1);
}
