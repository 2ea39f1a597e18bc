import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { CHILD_MODULES } from '../../src/bin/child-modules.ts';
import { Metrics, watchService } from '../../src/platform/telemetry/index.ts';
import { startInference } from '../../src/serving/client.ts';
import { openFolderStore } from '../../src/store/local-store.ts';
import { ModelRegistry } from '../../src/store/models.ts';
import { until } from '../runs/support.ts';
import { publishModel, startServer, type TestServer } from './test-server.ts';

const meter = new Metrics();
const directory = mkdtempSync(join(tmpdir(), 'stylograph-metrics-'));
let server: TestServer;
let models: ModelRegistry;
before(async () => {
  const inference = await startInference({
    childModule: CHILD_MODULES.inference,
    directory,
    observer: meter,
  });
  const store = await openFolderStore(directory);
  models = new ModelRegistry(store);
  server = await startServer({ meter, inference, store, models });
  watchService(meter, {
    countRuns: () => server.runs.countByState(),
    activeRuns: () => server.runs.live(),
    streams: () => server.hub.subscribers,
    inference,
  });
  await publishModel(models);
});
after(async () => {
  await server.close();
  await server.inference.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Metric values by name and labels, as in Prometheus's text format. */
async function read(): Promise<Map<string, number>> {
  const { text, headers } = await request(server.url).get('/metrics').expect(200);
  assert.match(headers['content-type']!, /^text\/plain; version=0\.0\.4/);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
}

test('calls are measured by route, batch and model', async () => {
  await request(server.url).get('/generate?label=3&count=5').expect(200);
  await request(server.url).get('/generate?label=nonsense').expect(422);
  await request(server.url).get('/made-up/by-a-client').expect(404);
  const metrics = await read();
  const count = (labels: string) => metrics.get(`stylograph_http_request_duration_seconds_count{${labels}}`);
  assert.equal(count('method="GET",route="/generate",status="200"'), 1);
  assert.equal(count('method="GET",route="/generate",status="422"'), 1);
  assert.equal(count('method="unknown",route="unknown",status="404"'), 1);
  assert.equal(metrics.get('stylograph_inference_batch_images_sum{operation="decode"}'), 5);
  assert.equal(metrics.get('stylograph_inference_wait_seconds_count{operation="decode"}'), 1);
  assert.equal(metrics.get('stylograph_model_loads_total{result="loaded"}'), 1);
  assert.ok(metrics.get('stylograph_inference_resident_bytes')! > 50e6);
  assert.ok(metrics.get('nodejs_eventloop_lag_p99_seconds')! >= 0);
  assert.ok(metrics.get('process_resident_memory_bytes')! > 50e6);
});

test('a moved alias is counted as a swap', async () => {
  await publishModel(models, { seed: 2 });
  await until('the swap', async () => {
    await request(server.url).get('/generate?label=3').expect(200);
    return (await read()).get('stylograph_model_swaps_total') === 1;
  });
});

test('runs are counted by state, and a training run reports its metrics', async () => {
  const { estimate: _, ...dryRun } = (await request(server.url).post('/runs?dryRun=true').expect(200)).body;
  const { run } = await server.runs.create(dryRun);
  await request(server.url).post('/runs').expect(202);
  const fence = (await server.runs.take({ runId: run.id, number: 1 }))!;
  const progress = { ...run.progress, phase: 'training' as const, iteration: 7, imagesPerSecond: 640 };
  await server.runs.patch(run.id, fence, {
    progress,
    metrics: { iteration: 7, ganLoss: 0.25, priorLoss: null },
  });
  await server.runs.noteEngine(run.id, { residentBytes: 6e8, tensors: 12, tensorBytes: 3e6 });
  const metrics = await read();
  assert.equal(metrics.get('stylograph_runs{state="queued"}'), 1);
  assert.equal(metrics.get('stylograph_runs{state="running"}'), 1);
  const of = (name: string, more = '') => metrics.get(`stylograph_run_${name}{run="${run.id}"${more}}`);
  assert.deepEqual(
    [of('iteration'), of('metric', ',name="ganLoss"'), of('metric', ',name="priorLoss"'), of('tensors')],
    [7, 0.25, undefined, 12],
  );
  assert.equal(of('step_seconds'), run.config.batchSize / 640);
  assert.equal(of('phase', ',phase="training"'), 1);
  assert.equal(of('resident_bytes'), 6e8);
});

test('every metric that the Grafana dashboard shows exists', async () => {
  const dashboard = readFileSync(
    new URL('../../docs/deploy/observability/grafana-dashboard.json', import.meta.url),
    'utf8',
  );
  const shown = new Set(dashboard.match(/\b(stylograph|nodejs|process)_[a-z0-9_]+/g));
  const { text } = await request(server.url).get('/metrics').expect(200);
  const known = new Set(
    [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name!],
    ),
  );
  assert.ok(shown.size > 10);
  assert.deepEqual(
    [...shown].filter((name) => !known.has(name)),
    [],
  );
});
