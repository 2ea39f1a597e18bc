import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildApp } from '../../src/api/app.ts';
import type { App } from '../../src/api/context.ts';
import type { ApiDeps } from '../../src/api/deps.ts';
import { CHILD_MODULES } from '../../src/bin/child-modules.ts';
import { newModelId, newRunId } from '../../src/core/contracts/common.ts';
import type { TrainingConfig } from '../../src/core/contracts/config.ts';
import type { ModelRecord } from '../../src/core/contracts/model.ts';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { DatasetLibrary } from '../../src/data/library.ts';
import { encodeFilm } from '../../src/figures/encode-film.ts';
import { architectureOf } from '../../src/model/architecture.ts';
import { Sessions } from '../../src/platform/keys/sessions.ts';
import { connectRedis, guarded, waitUntilReady } from '../../src/platform/redis/connection.ts';
import { redisKeys } from '../../src/platform/redis/key-names.ts';
import { Metrics } from '../../src/platform/telemetry/index.ts';
import { RunEvents } from '../../src/runs/redis/events.ts';
import { EventHub } from '../../src/runs/redis/hub.ts';
import { readMetrics } from '../../src/runs/redis/metrics.ts';
import { RunStore } from '../../src/runs/redis/run-store.ts';
import { Webhooks } from '../../src/runs/webhooks/deliveries.ts';
import { AddressPolicy, generateSecret, sendMessage } from '../../src/runs/webhooks/index.ts';
import { type Inference, startInference } from '../../src/serving/client.ts';
import { weightsDigest } from '../../src/store/digest.ts';
import type { FolderStore } from '../../src/store/folder-store.ts';
import { openFolderStore } from '../../src/store/local-store.ts';
import { ModelRegistry } from '../../src/store/models.ts';
import { startTestRedis } from './test-redis.ts';

/** Small networks, whose output is meaningless but fast to compute. */
export const TINY: TrainingConfig['networks'] = {
  encoder: [4, 4, 8],
  decoder: [8, 6, 4],
  discriminator: [6, 5, 4],
};

/** Publishes a model with random weights. Models published later are newer. */
export async function publishModel(
  models: ModelRegistry,
  { seed = 1, latentDim = 4, dataset = 'mnist', labels = [...'0123456789'], networks: widths = TINY } = {},
): Promise<ModelRecord> {
  // Imported here because it loads TensorFlow, which many users of this file do not need.
  const { createNetworks, disposeNetworks, exportNetworks } = await import('../../src/model/networks.ts');
  const config = resolveConfig('article', { latentDim, networks: widths });
  const image = { width: 28, height: 28, channels: 1 as const, labels };
  const networks = createNetworks(architectureOf(image, config), config, seed);
  const { weights } = exportNetworks(networks);
  disposeNetworks(networks);
  const record: ModelRecord = {
    id: newModelId(),
    runId: newRunId(),
    preset: 'article',
    dataset,
    iteration: 1,
    latentDim,
    image,
    config,
    digest: weightsDigest(weights),
    createdAt: new Date().toISOString(),
  };
  await models.publish(record, weights);
  return record;
}

export interface TestServer {
  app: App;
  url: string;
  deps: ApiDeps;
  inference: Inference;
  models: ModelRegistry;
  store: FolderStore;
  runs: RunStore;
  events: RunEvents;
  hub: EventHub;
  /** Stops Redis while the server keeps running. */
  stopRedis(): Promise<void>;
  close(): Promise<void>;
}

/** A listening server with its own Redis, store and inference child. */
export async function startServer(overrides: Partial<ApiDeps> = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'stylograph-api-'));
  const redis = await openRedis(folder);
  const storage = await openStorage(folder);
  const inference =
    overrides.inference ??
    (await startInference({ childModule: CHILD_MODULES.inference, directory: storage.directory }));
  const deps: ApiDeps = {
    version: '0.0.0-test',
    ...redis.deps,
    store: storage.store,
    models: storage.models,
    inference,
    datasets: storage.datasets,
    encodeFilm: (task) => encodeFilm(CHILD_MODULES.film, task),
    meter: new Metrics(),
    ...overrides,
  };
  const app = await buildApp(deps);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const { runs, events, hub } = redis.deps;
  return {
    app,
    url: `http://127.0.0.1:${port}`,
    deps,
    inference,
    models: storage.models,
    store: storage.store,
    runs,
    events,
    hub,
    stopRedis: () => redis.stop(),
    close: async () => {
      await app.close();
      // A given inference client is closed by the test that created it.
      if (overrides.inference === undefined) await inference.close();
      await redis.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A Redis server, and the dependencies that use it. */
async function openRedis(folder: string) {
  const server = await startTestRedis(folder);
  const connection = connectRedis(server.target, 'prompt');
  await waitUntilReady(connection, 5_000);
  const keys = redisKeys();
  const runs = new RunStore(connection, keys);
  const hub = new EventHub(connection, server.target, keys);
  // Tests receive webhooks on this address. Other local addresses are refused, as for users.
  const policy = new AddressPolicy(['127.0.0.1']);
  const webhooks = new Webhooks({
    redis: server.target,
    keys,
    send: (message) => sendMessage(message, { policy, timeoutMs: 5_000 }),
  });
  webhooks.start();
  const deps = {
    runs,
    events: new RunEvents(connection, keys),
    hub,
    metrics: (runId, query) => readMetrics(connection, keys, runId, query),
    pingRedis: async () => {
      await guarded(() => connection.ping());
    },
    queues: () => [runs.queue],
    sessions: new Sessions(connection, keys),
    webhooks: {
      test: (runId) => webhooks.test(runId),
      deliveries: (runId, limit) => webhooks.deliveries(runId, limit),
      check: (url) => policy.check(url),
      generateSecret,
    },
  } satisfies Partial<ApiDeps>;
  return {
    deps,
    stop: () => server.close(),
    close: async () => {
      await webhooks.close();
      await hub.close();
      await runs.close();
      connection.disconnect();
      await server.close();
    },
  };
}

/** The store in a folder, and the models and datasets in it. */
async function openStorage(folder: string) {
  const directory = join(folder, 'store');
  const store = await openFolderStore(directory);
  const models = new ModelRegistry(store);
  const datasets = new DatasetLibrary({
    dataDir: folder,
    storeRoot: directory,
    store,
    uploadChild: CHILD_MODULES.upload,
  });
  return { directory, store, models, datasets };
}

/** Width and height of a PNG. */
export function pngSize(png: Buffer): [width: number, height: number] {
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

/** Asserts an RFC 9457 answer and returns its body. */
export function assertProblem(
  response: { status: number; headers: Record<string, string>; body: unknown; text?: string },
  status: number,
  code: string,
): { detail: string; errors?: { path: string; message: string }[] } {
  const problem = (response.text ? JSON.parse(response.text) : response.body) as {
    status: number;
    code: string;
    type: string;
    title: string;
    detail: string;
    instance: string;
  };
  assert.deepEqual([response.status, problem.code], [status, code], JSON.stringify(problem));
  assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/);
  assert.equal(problem.status, status);
  for (const field of ['type', 'title', 'detail', 'instance'] as const) {
    assert.equal(typeof problem[field], 'string', field);
  }
  return problem;
}
