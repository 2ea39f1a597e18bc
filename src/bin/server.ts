import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { buildApp } from '../api/app.ts';
import { loadSettings, type Settings, SettingsProblem, wantsTraces } from '../config.ts';
import { resolveConfig } from '../contracts/presets.ts';
import type { RedisTarget } from '../contracts/worker.ts';
import { DatasetLibrary } from '../data/library.ts';
import { errorCodeOf, StylographError } from '../errors.ts';
import { Metrics, startTracing, watchService } from '../observe/index.ts';
import { connectRedis, guarded, waitUntilReady } from '../queue/connection.ts';
import { RunEvents } from '../queue/events.ts';
import { EventHub } from '../queue/hub.ts';
import { redisKeys } from '../queue/keys.ts';
import { readMetrics } from '../queue/metrics.ts';
import { pairWithStore } from '../queue/pairing.ts';
import { startPrivateRedis } from '../queue/private-redis.ts';
import { onModelPublished } from '../queue/published.ts';
import { RunStore } from '../queue/runs.ts';
import { Sessions } from '../queue/sessions.ts';
import { launchInference } from '../serving/client.ts';
import { ModelRegistry, openStore } from '../store/index.ts';
import { datasetLimitsOf, openGuards, REDACTED } from './guards.ts';
import { ownVersion } from './version.ts';
import { openWebhooks } from './webhooks.ts';
import { WorkerProcess } from './worker-process.ts';

/** The parent of everything that `npm start` runs: it alone hears signals, and ends what it has started. */

const SHUTDOWN_DEADLINE_MS = 30_000;

/** Ends one part; called in the reverse order of starting. */
interface Stop {
  what: string;
  end: () => Promise<unknown>;
}

/** A part that takes longer than this to end is named. */
const SLOW_STOP_MS = 5_000;

async function start(settings: Settings, stops: Stop[]): Promise<void> {
  // Written behind the requests' backs, many lines at a time under load; the rest when the process exits.
  const output = pino.destination({ fd: 2, sync: false, minLength: 16_000, periodicFlush: 200 });
  const log = pino({ level: settings.LOG_LEVEL, redact: REDACTED }, output);
  mkdirSync(settings.DATA_DIR, { recursive: true });
  const target = await reachRedis(settings, stops, (message) => log.warn(message));

  const storeRoot = settings.STORE_URL ?? settings.DATA_DIR;
  const store = await openStore(storeRoot, 'prompt');

  if (settings.ROLE === 'worker') {
    await pairWithStore(target, store);
    const worker = new WorkerProcess(settings, target, (message) => log.warn(message));
    stops.push({ what: 'the worker', end: () => worker.stop() });
    announce(['A worker is waiting for runs.']);
    return;
  }

  const guards = await openGuards(settings, (message) => log.error(message));
  stops.push({ what: 'the audit log', end: () => guards.close() });
  const meter = new Metrics();
  const tracing = wantsTraces(settings) ? await startTracing('stylograph-api', ownVersion()) : undefined;
  stops.push({ what: 'tracing', end: async () => tracing?.close() });
  // First, since loading TensorFlow takes longest; the model is there soon after.
  const { inference, started } = launchInference({
    directory: storeRoot,
    maxQueue: settings.INFERENCE_QUEUE,
    memoryLimitMb: settings.INFERENCE_MEMORY_MB,
    onLog: (level, message) => log[level](message),
    observer: meter,
  });
  stops.push({ what: 'the inference process', end: () => inference.close() });
  const models = new ModelRegistry(store);
  const firstModel = models.record('latest').then((record) => inference.ensure(record));
  // Whoever asks for it is told why it is not there.
  firstModel.catch(() => undefined);

  const keys = redisKeys();
  const redis = connectRedis(target, 'prompt');
  await waitUntilReady(redis, 15_000);
  await pairWithStore(target, store);
  stops.push({ what: 'the Redis connection', end: async () => redis.disconnect() });
  const runs = new RunStore(redis, keys, {
    queueLimit: settings.RUN_QUEUE,
    telemetry: tracing?.telemetry,
  });
  stops.push({ what: 'the queue', end: () => runs.close() });
  const hub = new EventHub(redis, target, keys);
  stops.push({ what: 'the event streams', end: () => hub.close() });
  const { webhooks, deps: webhookDeps } = openWebhooks(settings, { redis: target, keys, meter }, (message) =>
    log.warn(message),
  );
  stops.push({ what: 'the webhooks', end: () => webhooks.close() });
  const subscriber = connectRedis(target, 'patient');
  stops.push({ what: 'the subscription', end: async () => subscriber.disconnect() });
  await onModelPublished(redis, subscriber, keys, async (modelId) =>
    inference.ensure(await models.record(modelId)),
  );

  watchService(meter, {
    countRuns: () => runs.countByState(),
    activeRuns: () => runs.live(),
    streams: () => hub.subscribers,
    inference,
  });

  let worker: WorkerProcess | undefined;
  stops.push({ what: 'the worker', end: async () => worker?.stop() });

  const datasets = new DatasetLibrary({
    dataDir: settings.DATA_DIR,
    storeRoot,
    store,
    limits: datasetLimitsOf(settings),
  });
  await datasets.sweep();
  const app = await buildApp({
    version: ownVersion(),
    runs,
    events: new RunEvents(redis, keys),
    hub,
    metrics: (runId, query) => readMetrics(redis, keys, runId, query),
    store,
    models,
    inference,
    datasets,
    isClosing: () => stopping !== undefined,
    pingRedis: async () => void (await guarded(() => redis.ping())),
    ...guards.deps,
    meter,
    ...(tracing && { tracing }),
    queues: () => [runs.queue, webhooks.queue],
    webhooks: webhookDeps,
    sessions: new Sessions(redis, keys),
    dashboard: fileURLToPath(new URL('../../dist/web', import.meta.url)),
    logger: log,
  });
  stops.push({
    what: 'the HTTP server',
    end: async () => {
      // The run is checkpointed meanwhile.
      const workerEnds = worker?.stop();
      await sleep(settings.DRAIN_SECONDS * 1000);
      await app.close();
      await workerEnds;
    },
  });
  await listen(app, settings);
  const { port } = app.server.address() as { port: number };
  const url = `http://${settings.HOST.includes(':') ? `[${settings.HOST}]` : settings.HOST}:${port}`;

  await started;
  await Promise.allSettled([firstModel]);
  // Last, so that it does not take the processor from what a request needs.
  if (settings.ROLE === 'all') worker = new WorkerProcess(settings, target, (message) => log.warn(message));
  const demo = await enqueueDemo(settings, runs, models);
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

async function reachRedis(
  settings: Settings,
  stops: Stop[],
  onTrouble: (message: string) => void,
): Promise<RedisTarget> {
  if (settings.REDIS_URL !== undefined) return { url: settings.REDIS_URL };
  if (settings.REDIS_SERVER === undefined) {
    throw new StylographError(
      'redis_unavailable',
      'No Redis is known. Start with "npm start", or set REDIS_URL or REDIS_SERVER.',
    );
  }
  const { DATA_DIR: dataDir, REDIS_SERVER: server } = settings;
  const redis = await startPrivateRedis({ dataDir, server, onTrouble });
  stops.push({ what: 'the private Redis', end: () => redis.close() });
  return redis.target;
}

async function listen(app: Awaited<ReturnType<typeof buildApp>>, { HOST, PORT }: Settings): Promise<void> {
  try {
    await app.listen({ host: HOST, port: PORT });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new SettingsProblem([
      `PORT: ${PORT} on ${HOST} is taken by another program; end it or choose another PORT.`,
    ]);
  }
}

/** The first run of an all-in-one server, once: only while there is neither a model nor any run. */
async function enqueueDemo(
  settings: Settings,
  runs: RunStore,
  models: ModelRegistry,
): Promise<string | undefined> {
  if (!settings.DEMO || settings.ROLE !== 'all' || settings.REDIS_URL !== undefined) return undefined;
  const hasModel = await models.record('latest').then(
    () => true,
    (error) => errorCodeOf(error) !== 'no_model',
  );
  if (hasModel || (await runs.list({ limit: 1 })).items.length > 0) return undefined;
  const { run } = await runs.create({
    name: 'First run',
    preset: 'quick',
    dataset: 'mnist',
    seed: 1,
    config: resolveConfig('quick'),
    tags: ['demo'],
  });
  return run.id;
}

function announce(lines: string[]): void {
  process.stdout.write(`\n${lines.map((line) => `  ${line}`).join('\n')}\n\n`);
}

function describe(error: unknown): string {
  const known = error instanceof SettingsProblem || errorCodeOf(error) !== undefined;
  return known ? (error as Error).message : ((error as Error).stack ?? String(error));
}

const stops: Stop[] = [];
let stopping: Promise<void> | undefined;

/** Ends everything in the reverse order of starting, whatever fails on the way. */
function stop(code: number): Promise<void> {
  stopping ??= (async () => {
    setTimeout(() => process.exit(code || 1), SHUTDOWN_DEADLINE_MS).unref();
    for (const { what, end } of stops.reverse()) {
      const slow = setTimeout(
        () => process.stderr.write(`stylograph: still ending ${what} ...\n`),
        SLOW_STOP_MS,
      );
      await end().catch((error: unknown) => process.stderr.write(`stylograph: ${describe(error)}\n`));
      clearTimeout(slow);
    }
    process.exit(code);
  })();
  return stopping;
}

// A second one changes nothing: npm and terminals send it along with the first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!stopping)
      process.stderr.write(
        'stylograph: finishing; a run that trains is checkpointed and goes on at the next start\n',
      );
    void stop(0);
  });
}
try {
  await start(loadSettings(), stops);
} catch (error) {
  process.stderr.write(`\nstylograph: ${describe(error)}\n`);
  await stop(error instanceof SettingsProblem ? 2 : 1);
}
