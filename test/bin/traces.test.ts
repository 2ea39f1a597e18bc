import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startServiceIn } from './support.ts';

interface SentSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
}

/** A collector that keeps all spans with their service. */
async function startCollector() {
  const spans: (SentSpan & { service: string })[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as {
      resourceSpans: {
        resource: { attributes: { key: string; value: { stringValue: string } }[] };
        scopeSpans: { spans: SentSpan[] }[];
      }[];
    };
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === 'service.name')!.value.stringValue;
      for (const { spans: sent } of scopeSpans) spans.push(...sent.map((span) => ({ ...span, service })));
    }
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { spans, url, close: () => server.close() };
}

test('a request, its job and its training are one trace that continues the trace of the caller', {
  timeout: 180_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-traces-'));
  const collector = await startCollector();
  const service = await startServiceIn(folder, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  try {
    const networks = { encoder: [4, 4, 8], decoder: [8, 4, 4], discriminator: [4, 4, 4] };
    const config = { iterations: 6, warmupIterations: 2, batchSize: 8, networks, figures: { frames: 0 } };
    const posted = await fetch(`${service.url}/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-b7ad6b7169203331-01` },
      body: JSON.stringify({ seed: 1, config }),
    });
    assert.equal(posted.status, 202);
    await (await fetch(`${service.url}/health/live`)).arrayBuffer();
    const run = `${service.url}${posted.headers.get('location')}`;
    // The run is cancelled as soon as its evaluation starts, because the trace does not need the result.
    for (let state = '', asked = false; state !== 'cancelled'; ) {
      const now = (await (await fetch(run)).json()) as { state: string; progress: { phase: string } };
      state = now.state;
      assert.ok(!['failed', 'succeeded'].includes(state), state);
      if (now.progress.phase === 'evaluating' && !asked) {
        asked = (await fetch(`${run}/cancel`, { method: 'POST' })).status === 202;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await service.stop();
    collector.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const spans = collector.spans.filter((span) => span.traceId === traceId);
  const services = new Set(spans.map(({ service: from }) => from));
  assert.deepEqual([...services].sort(), ['stylograph-api', 'stylograph-run', 'stylograph-worker']);
  const named = (name: string) => spans.find((span) => span.name === name);
  assert.equal(named('POST /runs')?.parentSpanId, 'b7ad6b7169203331');
  const training = named('run')!;
  for (const phase of ['training', 'evaluating']) {
    assert.equal(named(phase)?.parentSpanId, training.spanId, phase);
  }
  // The parents lead from the training back to the request.
  const parents = new Map(spans.map((span) => [span.spanId, span.parentSpanId]));
  let at: string | undefined = training.spanId;
  while (at !== undefined && at !== named('POST /runs')!.spanId) at = parents.get(at);
  assert.equal(at, named('POST /runs')!.spanId);
  assert.ok(!collector.spans.some(({ name }) => name.includes('/health')));
});
